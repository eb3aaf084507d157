"""Corruptions: ways in which an image is damaged, by name.

A new corruption is one file and one row here; flags, `--help` and the generic tests
take it up from the row. TensorFlow is imported only when a corruption is created.
"""

from __future__ import annotations

from brgm_tf.registry import REQUIRED, Parameter, Registry, Row, number, one_of, positive_int

CORRUPTIONS = Registry(
    "corruption",
    {
        "none": Row(
            "brgm_tf.corruptions.identity:Identity",
            "the image itself: inversion into the generator's latents",
        ),
        "downsample": Row(
            "brgm_tf.corruptions.downsample:Downsample",
            "fewer pixels: super-resolution",
            {
                "factor": Parameter(REQUIRED, positive_int, "pixels of the image a side"),
                "method": Parameter(
                    "box",
                    one_of("box", "bicubic"),
                    "box: mean of a block; bicubic: PyTorch's, without antialiasing",
                ),
            },
        ),
        "mask": Row(
            "brgm_tf.corruptions.mask:Mask",
            "pixels missing: in-painting; the mask itself comes with each image",
            {"fill": Parameter(1.0, number(-1, 1), "value of missing pixels, -1 black to 1 white")},
        ),
    },
)
