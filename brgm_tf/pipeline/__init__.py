"""From inputs to results: configuration, restorer, batches, shards, devices, resuming."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.pipeline.api import Restoration as Restoration
    from brgm_tf.pipeline.api import prepare as prepare
    from brgm_tf.pipeline.api import restore as restore
    from brgm_tf.pipeline.batches import restore_all as restore_all
    from brgm_tf.pipeline.config import Config as Config
    from brgm_tf.pipeline.devices import devices_of as devices_of
    from brgm_tf.pipeline.restorer import Restorer as Restorer
    from brgm_tf.pipeline.restorer import Step as Step
    from brgm_tf.pipeline.sharding import Shard as Shard

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Config": "config",
        "Restoration": "api",
        "Restorer": "restorer",
        "Shard": "sharding",
        "Step": "restorer",
        "devices_of": "devices",
        "prepare": "api",
        "restore": "api",
        "restore_all": "batches",
    },
)
