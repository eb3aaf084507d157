"""The contract of a corruption, y = forward(x) + noise, and chains of corruptions.

Notation: x [B, H, W, C] images in [-1, 1]; y the measurement, with `measurement_shape(x.shape)`;
m = forward(x); A the linear part of forward, A x = forward(x) - forward(0).

The contract has four parts, each in its module: `configuration` (parameters and data), `operator`
(forward and adjoint), `observation` (masks) and `measurement` (noise).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.chain import Composition
from brgm_tf.corruptions.chain_rules import Stage, check_stages
from brgm_tf.corruptions.measurement import Measurement
from brgm_tf.corruptions.simulation import checked_data, checked_images, checked_seed
from brgm_tf.corruptions.table import CORRUPTIONS


class Corruption(Measurement):
    """A known way in which an image x is damaged into a measurement y.

    A subclass is a frozen dataclass with a method `forward`. A linear one also has `adjoint`, and
    one that changes the shape has `measurement_shape`. The sum `a + b` is the `Chain` of both.
    `brgm_tf.testing.check_corruption` tests a subclass.

    Example:
        >>> import dataclasses
        >>> from brgm_tf import Corruption, Noise
        >>> @dataclasses.dataclass(frozen=True)
        ... class Fog(Corruption):
        ...     density: float = 0.5
        ...
        ...     def forward(self, x):
        ...         return (1.0 - self.density) * x + self.density
        ...
        ...     def adjoint(self, y):
        ...         return (1.0 - self.density) * y
        >>> Fog(0.25) + Noise(scale=5.0)
        Fog(density=0.25) + noise(scale=5.0)
    """

    def simulate(self, x: np.ndarray, seed: int = 0, **data: np.ndarray) -> np.ndarray:
        """Simulates the measurement of one image or a batch, NumPy in and NumPy out.

        Image i of a batch has the stateless seed (seed, i), so its noise does not depend on the
        other images. A parameter that is unknown has the median of its prior.

        Args:
            x: Images [H, W, C] or [N, H, W, C], floats in [-1, 1], of 1 or 3 channels. They are the
                slices of one volume if the corruption `needs_volume`.
            seed: Seed of the noise, in [0, 2^31), default 0.
            **data: Per-image arrays, such as missing=..., bool [H, W], [H, W, 1] or
                [N, H, W, 1], True = missing.

        Returns:
            Measurement [h, w, C] or [N, h, w, C], with the precision of x. K-space is complex.

        Raises:
            InputError: x, seed or the data have another type, shape or range, or images of this
                shape cannot be measured.

        Example:
            >>> import numpy as np
            >>> from brgm_tf import Downsample, Noise
            >>> x = np.zeros([8, 8, 1], "float32")
            >>> (Downsample(factor=4) + Noise(scale=5.0)).simulate(x, seed=0).shape
            (2, 2, 1)
        """
        images = checked_images(x)
        seed = checked_seed(seed)
        shape = images.shape[1:]
        self.measurement_shape(shape)
        bound = {name: array for name, array in self.data.items() if array is not None}
        count = self.num_data_slices(len(images))
        arrays = checked_data(bound | data, self.data_names, self.data_shape(shape), count)
        seeds = np.array([[seed, i] for i in range(len(images))], np.int32)
        fixed = self.of_volume(images.shape) if self.needs_volume else self.of_images(shape)
        y = fixed.with_data(**arrays).sample(images, seeds).numpy()
        return y if np.ndim(x) == 4 else y[0]

    def __add__(self, other: object) -> Chain:
        """Returns the `Chain` of both, this one first."""
        return Chain([self, other]) if isinstance(other, Corruption) else NotImplemented


@dataclasses.dataclass(frozen=True, eq=False, repr=False)  # the tensors of a mask have no ==
class Chain(Composition, Corruption):
    """Corruptions one after another: forward(x) = f_n(... f_1(x)).

    A stage of noise is the last one and states the noise. Without one, y is normal around
    forward(x), as for any corruption.

    Masks propagate from stage to stage: a value of y is observed if it depends on no missing
    pixel. A mask before a blur or a downsampling hides every value that depends on a missing pixel.
    Stages after a mask must keep the channels. Known pixels are put back only if every stage keeps
    pixels; noise does not.

    Args:
        stages: f_1, ..., f_n; the stages of an inner chain are taken one by one.

    Raises:
        InputError: The list is empty or holds another object, noise is not the last stage, two
            stages share data or the name of an unknown, or a stage cannot follow the stages
            before it.

    Example:
        >>> from brgm_tf import Blur, Chain, Downsample
        >>> Blur(sigma=3.0) + Downsample(factor=4)
        blur(sigma=3.0) + downsample(factor=4)
        >>> Chain([Blur(sigma=3.0), Downsample(factor=4)]).measurement_shape((64, 64, 3))
        (16, 16, 3)
    """

    stages: Sequence[Any]  # type: ignore[assignment]

    def __post_init__(self) -> None:
        stages = self.stages if isinstance(self.stages, Sequence) else [self.stages]
        for stage in stages:
            if not isinstance(stage, Corruption):
                raise InputError("stages", "must be corruptions", stage=stage)
        flat = [s for stage in stages for s in (stage.stages if _is_chain(stage) else [stage])]
        if not flat:
            raise InputError("stages", "must be at least one")
        check_stages([Stage(_label(s), type(s), tuple(s.params)) for s in flat])
        object.__setattr__(self, "stages", tuple(flat))


def _is_chain(stage: Corruption) -> bool:
    return isinstance(stage, Chain)


def _label(stage: Corruption) -> str:
    return CORRUPTIONS.name_of(type(stage)) or type(stage).__name__
