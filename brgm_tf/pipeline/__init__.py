"""From inputs to results: configuration, restorer, batches, shards, devices, resuming."""

from typing import TYPE_CHECKING

from brgm_tf.core import lazy

if TYPE_CHECKING:
    from brgm_tf.pipeline.api import restore as restore
    from brgm_tf.pipeline.batches import restore_all as restore_all
    from brgm_tf.pipeline.config import Config as Config
    from brgm_tf.pipeline.devices import devices_of as devices_of
    from brgm_tf.pipeline.listings import list_generators as list_generators
    from brgm_tf.pipeline.listings import list_presets as list_presets
    from brgm_tf.pipeline.objective import resolve_objective as resolve_objective
    from brgm_tf.pipeline.preparation import prepare as prepare
    from brgm_tf.pipeline.restorer import Restorer as Restorer
    from brgm_tf.pipeline.sharding import Shard as Shard
    from brgm_tf.pipeline.volumes import restore_volume as restore_volume

__getattr__, __dir__, __all__ = lazy.exports(
    __name__,
    {
        "Config": "config",
        "Restorer": "restorer",
        "Shard": "sharding",
        "devices_of": "devices",
        "list_generators": "listings",
        "list_presets": "listings",
        "prepare": "preparation",
        "resolve_objective": "objective",
        "restore": "api",
        "restore_all": "batches",
        "restore_volume": "volumes",
    },
)
