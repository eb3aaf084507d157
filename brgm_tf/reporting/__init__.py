"""Results, posterior summaries, tables, figures, and the files of a run."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.reporting.destination import Destination as Destination
    from brgm_tf.reporting.posterior_summary import draw_samples as draw_samples
    from brgm_tf.reporting.posterior_summary import summarise as summarise
    from brgm_tf.reporting.results import ImageResult as ImageResult
    from brgm_tf.reporting.results import KSpaceData as KSpaceData
    from brgm_tf.reporting.results import PosteriorSamples as PosteriorSamples
    from brgm_tf.reporting.results import Restoration as Restoration
    from brgm_tf.reporting.tables import MetricsTable as MetricsTable
    from brgm_tf.reporting.volume_results import VolumeResult as VolumeResult
    from brgm_tf.reporting.writer import save_image_result as save_image_result

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Destination": "destination",
        "ImageResult": "results",
        "KSpaceData": "results",
        "MetricsTable": "tables",
        "PosteriorSamples": "results",
        "Restoration": "results",
        "VolumeResult": "volume_results",
        "draw_samples": "posterior_summary",
        "save_image_result": "writer",
        "summarise": "posterior_summary",
    },
)
