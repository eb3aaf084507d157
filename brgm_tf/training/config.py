"""What determines a training: checked before any heavy import.

Two runs of one configuration on one data set give the same weights, whatever the times
at which they were interrupted.
"""

from __future__ import annotations

import dataclasses

from brgm_tf.core.errors import InputError

DTYPES = ("float32", "mixed_bfloat16")
# Augmentations by name; `augment` says what each does. The default set suits films and
# photographs alike; 'xflip' shows the networks mirror images without teaching them.
AUGMENTATIONS = (
    "xflip",
    "xint",
    "scale",
    "rotate",
    "aniso",
    "xfrac",
    "brightness",
    "contrast",
    "saturation",
)
DEFAULT_AUGMENTATIONS = ("xflip", "xint", "scale", "rotate", "xfrac", "brightness", "contrast")
# Images a discriminator's group of the minibatch standard deviation holds.
GROUP_SIZE = 4
# Fields that a resumed run must share with the run that it resumes.
STRUCTURE = (
    "resolution",
    "channels",
    "z_dim",
    "w_dim",
    "channel_base",
    "channel_max",
    "mapping_depth",
    "dtype",
)


@dataclasses.dataclass(frozen=True)
class Config:
    """A training's networks, losses and schedule.

    Args:
        resolution: height and width, a power of two from 8 to 1024.
        channels: 1 (grey) or 3 (RGB).
        z_dim, w_dim: sizes of z and w.
        channel_base, channel_max: features at resolution r are
            min(channel_base / r, channel_max), in both networks.
        mapping_depth: layers of the mapping network.
        batch_size: images a step, a multiple of 4.
        learning_rate: of both networks.
        r1_gamma: weight of R1; None for 0.0002 resolution^2 / batch_size.
        r1_interval: steps from one R1 update to the next.
        path_weight: weight of the path-length penalty; 0 leaves it out.
        path_interval: steps from one path-length update to the next.
        style_mixing: probability that an image has two codes.
        ema_kimg: half-life of the averaged generator, thousands of images.
        ema_rampup: the half-life is at most this share of the images seen so far.
        ada_target: mean sign of D(real) that the augmentation is steered to; None for a
            constant strength.
        ada_kimg: thousands of images over which the strength may move by one.
        ada_start: first strength.
        augmentations: names of `AUGMENTATIONS`.
        mirror: the data set is taken to be symmetric: half of the images are flipped.
        dtype: 'float32', or 'mixed_bfloat16' for convolutions in bfloat16.
        seed: of everything random.

    Raises:
        InputError: a value cannot be used.

    Reference: Karras et al., Training Generative Adversarial Networks with Limited Data
        (arXiv 2006.06676), appendix C, for the defaults.
    """

    resolution: int = 256
    channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    channel_base: int = 16384
    channel_max: int = 512
    mapping_depth: int = 8
    batch_size: int = 32
    learning_rate: float = 0.0025
    r1_gamma: float | None = None
    r1_interval: int = 16
    path_weight: float = 2.0
    path_interval: int = 4
    style_mixing: float = 0.9
    ema_kimg: float = 10.0
    ema_rampup: float = 0.05
    ada_target: float | None = 0.6
    ada_kimg: float = 500.0
    ada_start: float = 0.0
    augmentations: tuple[str, ...] = DEFAULT_AUGMENTATIONS
    mirror: bool = False
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self):
        size = self.resolution
        if not (8 <= size <= 1024 and size & (size - 1) == 0):
            raise InputError("resolution", "must be a power of two from 8 to 1024", resolution=size)
        if self.channels not in (1, 3):
            raise InputError("channels", "must be 1 (grey) or 3 (RGB)", channels=self.channels)
        if self.batch_size < GROUP_SIZE or self.batch_size % GROUP_SIZE:
            raise InputError(
                "batch_size", f"must be a multiple of {GROUP_SIZE}", batch_size=self.batch_size
            )
        if self.channel_base < size:
            raise InputError(
                "channel_base", f"must be at least {size}", channel_base=self.channel_base
            )
        if self.dtype not in DTYPES:
            raise InputError("dtype", "must be one of " + ", ".join(DTYPES), dtype=self.dtype)
        for name in self.augmentations:
            if name not in AUGMENTATIONS:
                raise InputError(
                    "augmentations", "must be among " + ", ".join(AUGMENTATIONS), name=name
                )
        for name in (
            "z_dim",
            "w_dim",
            "channel_max",
            "mapping_depth",
            "r1_interval",
            "path_interval",
        ):
            self._check(name, at_least=1)
        for name in ("path_weight", "ema_kimg", "ema_rampup", "seed"):
            self._check(name, at_least=0)
        for name in ("learning_rate", "ada_kimg"):
            if not getattr(self, name) > 0:
                raise InputError(name, "must be positive", **{name: getattr(self, name)})
        if self.r1_gamma is not None:
            self._check("r1_gamma", at_least=0)
        for name in ("style_mixing", "ada_start"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(name, "must be in [0, 1]", **{name: getattr(self, name)})
        if self.ada_target is not None and not -1 <= self.ada_target <= 1:
            raise InputError("ada_target", "must be in [-1, 1]", ada_target=self.ada_target)

    def _check(self, name, *, at_least):
        if not getattr(self, name) >= at_least:
            raise InputError(name, f"must be at least {at_least}", **{name: getattr(self, name)})

    @property
    def gamma(self) -> float:
        """The weight of R1: the one given, or the heuristic of arXiv 2006.06676."""
        if self.r1_gamma is not None:
            return self.r1_gamma
        return 0.0002 * self.resolution**2 / self.batch_size

    @property
    def augments(self) -> bool:
        """Whether the augmentation can have a strength above zero."""
        return bool(self.augmentations) and (self.ada_target is not None or self.ada_start > 0)

    @property
    def num_ws(self) -> int:
        """L, latents an image."""
        return 2 * self.resolution.bit_length() - 4

    def kimg(self, step: int) -> float:
        """Thousands of images seen after `step` steps."""
        return step * self.batch_size / 1000
