"""When the first steps run uncompiled, while XLA still compiles the step."""

from __future__ import annotations

import dataclasses

from brgm_tf.pipeline.config import Config

_NUM_STEPS, _LARGEST_RESOLUTION = 10, 128


def with_eager_warmup(config: Config, *, num_images: int, resolution: int) -> Config:
    """Returns the configuration with uncompiled first steps if they save time.

    They save time for a single image of at most 128 x 128 pixels. Uncompiled steps of larger
    images take longer than compiling, and with many images their cost exceeds the earlier
    start. A video gets no uncompiled steps, because they would add frames.

    Args:
        config: the configuration.
        num_images: number of images in the run.
        resolution: pixels of the generator's images along a side.

    Example:
        >>> with_eager_warmup(Config(), num_images=1, resolution=64).num_uncompiled_steps
        10
        >>> with_eager_warmup(Config(), num_images=2, resolution=64).num_uncompiled_steps
        0
    """
    if num_images > 1 or resolution > _LARGEST_RESOLUTION or config.keep_frames:
        return config
    return dataclasses.replace(
        config, num_uncompiled_steps=config.num_uncompiled_steps or _NUM_STEPS
    )
