"""From the measurements of a batch to its results: infer, render, score, assemble."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.estimators.restoring.batch import BatchRestorer as BatchRestorer
    from brgm_tf.estimators.restoring.inference import Step as Step
    from brgm_tf.estimators.restoring.measurement import Measurement as Measurement
    from brgm_tf.estimators.restoring.sampling import SampleOptions as SampleOptions

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "BatchRestorer": "batch",
        "Measurement": "measurement",
        "SampleOptions": "sampling",
        "Step": "inference",
    },
)
