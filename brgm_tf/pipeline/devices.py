"""Which devices restore: each a whole batch at a time, so that none knows of the others.

A batch's program is the same wherever it runs, and so are its results, whatever the number of
devices: nothing is averaged over a batch, and nothing is exchanged. Only a single small image is
rounded otherwise where TensorFlow chooses: its first steps do not wait for XLA there
(`restoration.with_eager_warmup`).
"""

from __future__ import annotations

import contextlib

from brgm_tf.core.errors import InputError

STRATEGIES = {
    "auto": "all GPUs, or else what TensorFlow chooses",
    "one_device": "the first GPU, or else the CPU",
    "mirrored": "all GPUs, or else all logical CPUs",
    "tpu": "all cores of a TPU (not tried from here)",
}


def devices_of(strategy: str) -> list[str | None]:
    """The devices of a strategy, as TensorFlow names them; None for TensorFlow's own choice.

    Args:
        strategy: a name of `STRATEGIES`.

    Raises:
        InputError: there is no TPU.
    """
    import tensorflow as tf

    if strategy == "tpu":
        return _tpu_cores()
    found = [device.name for device in tf.config.list_logical_devices("GPU")]
    if strategy == "auto":
        return found or [None]
    found = found or [device.name for device in tf.config.list_logical_devices("CPU")]
    if strategy == "one_device":
        return found[:1]
    return list(tf.distribute.MirroredStrategy(found).extended.worker_devices)


@contextlib.contextmanager
def scope_of(device: str | None):
    """What is created and computed in this context, in this thread, is on the device."""
    if device is None:
        yield
        return
    import tensorflow as tf

    with tf.distribute.OneDeviceStrategy(device).scope(), tf.device(device):
        yield


def _tpu_cores() -> list[str | None]:
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect("local")
    except (ValueError, tf.errors.OpError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            "strategy", f"needs a TPU, and there is none ({reason})", strategy="tpu"
        ) from None
    return [device.name for device in tf.config.list_logical_devices("TPU")] if resolver else [None]
