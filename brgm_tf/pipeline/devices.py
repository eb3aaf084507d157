"""Devices that restore, each a whole batch at a time.

Nothing is averaged over a batch and nothing is exchanged between devices. The results
therefore do not depend on the number of devices, with one exception: the uncompiled first
steps of a single small image, which run only if TensorFlow chooses the device
(`warmup.with_eager_warmup`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from brgm_tf.core.errors import InputError

STRATEGIES = {
    "auto": "all GPUs, or else TensorFlow's choice",
    "one_device": "the first GPU, or else the CPU",
    "mirrored": "all GPUs, or else all logical CPUs",
    "tpu": "all cores of a TPU (untested)",
}


def devices_of(strategy: str) -> list[str | None]:
    """Returns the devices of a strategy by TensorFlow's names; None is TensorFlow's choice.

    Args:
        strategy: name in `STRATEGIES`.

    Raises:
        InputError: the strategy is 'tpu' without a TPU.
    """
    import tensorflow as tf

    if strategy == "tpu":
        return _tpu_cores()
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    if strategy == "auto":
        return gpus or [None]
    devices = gpus or [device.name for device in tf.config.list_logical_devices("CPU")]
    if strategy == "one_device":
        return devices[:1]
    return list(tf.distribute.MirroredStrategy(devices).extended.worker_devices)


@contextlib.contextmanager
def scope_of(device: str | None) -> Iterator[None]:
    """Places everything that this thread creates and computes in the context on a device.

    Args:
        device: device by TensorFlow's name; None for TensorFlow's choice.
    """
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
            "strategy", f"needs a TPU, and this machine has none ({reason})", strategy="tpu"
        ) from None
    return [device.name for device in tf.config.list_logical_devices("TPU")] if resolver else [None]
