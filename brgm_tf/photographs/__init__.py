"""Photographs: faces found, aligned, and put back."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.photographs.alignment import Alignment as Alignment
    from brgm_tf.photographs.alignment import square_of as square_of
    from brgm_tf.photographs.composing import apply_changes as apply_changes
    from brgm_tf.photographs.composing import changes_of as changes_of
    from brgm_tf.photographs.finding import find_faces as find_faces
    from brgm_tf.photographs.mtcnn_networks import Networks as Networks

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Alignment": "alignment",
        "Networks": "mtcnn_networks",
        "apply_changes": "composing",
        "changes_of": "composing",
        "find_faces": "finding",
        "square_of": "alignment",
    },
)
