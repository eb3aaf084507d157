"""Configuration of a training, checked before any heavy import.

Two runs of one configuration on one data set give the same weights, even if they are
interrupted at different times.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from brgm_tf.core.errors import InputError

DTYPES = ("float32", "mixed_bfloat16")
# Names of augmentations; `augment` defines them. The default set suits radiographs and
# photographs. 'xflip' mirrors images for the discriminator, and the generator does not learn it.
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
    "cutout",
)
DEFAULT_AUGMENTATIONS = ("xflip", "xint", "scale", "rotate", "xfrac", "brightness", "contrast")
# Settings that are None in `TrainingConfig` take the values of the discriminator. The augmentations
# of 'projected' are from arXiv 2006.10738.
DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "stylegan2": {
        "learning_rate": 0.0025,
        "path_weight": 2.0,
        "ada": True,
        "ada_start": 0.0,
        "augmentations": DEFAULT_AUGMENTATIONS,
    },
    "projected": {
        "learning_rate": 0.002,
        "path_weight": 0.0,
        "r1_gamma": 0.0,
        "ada": False,
        "ada_start": 1.0,
        "augmentations": ("xint", "brightness", "contrast", "saturation", "cutout"),
    },
}
# Default of the settings above: None, which the configuration replaces.
CHOSEN: Any = None
# Number of images in a group of the minibatch standard deviation.
GROUP_SIZE = 4
# Fields that must be equal in a resumed run.
STRUCTURE = (
    "resolution",
    "channels",
    "z_dim",
    "w_dim",
    "channel_base",
    "channel_max",
    "mapping_depth",
    "dtype",
    "discriminator",
    "feature_size",
)


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Networks, losses and schedule of a training.

    Args:
        resolution: Height and width of the images, a power of two from 8 to 1024; default 256.
        channels: 1 (grey) or 3 (RGB); default 3.
        z_dim: Size of a normal code z; default 512.
        w_dim: Size of a latent w; default 512.
        channel_base: Numerator of the number of features in both networks: a block of
            resolution r has min(channel_base / r, channel_max). Default 16384.
        channel_max: Largest number of features of a layer; default 512.
        mapping_depth: Number of layers of the mapping network; default 8.
        batch_size: Number of images of a step, a multiple of 4; default 32.
        discriminator: 'stylegan2', or 'projected' for heads on features of the fixed VGG16;
            default 'stylegan2'. The discriminator chooses the values of settings that are None.
        feature_size: Height and width in pixels at which VGG16 sees the images, a power of two
            from 32 to 512; None for the resolution, within 64 and 256. Default None.
        learning_rate: Learning rate of both networks; None for 0.0025 with 'stylegan2' and
            0.002 with 'projected'.
        r1_gamma: Weight of R1; None for 0.0002 resolution^2 / batch_size with 'stylegan2' and 0
            with 'projected', which has no R1.
        r1_interval: Number of steps between two R1 updates; default 16.
        path_weight: Weight of the path-length penalty, 0 for no penalty; None for 2 with
            'stylegan2' and 0 with 'projected'.
        path_interval: Number of steps between two path-length updates; default 4.
        style_mixing: Probability that an image has two codes; default 0.9.
        ema_kimg: Half-life of the averaged generator in thousands of images; default 10.
        ema_rampup: Largest half-life, as a fraction of the images seen so far; default 0.05.
        ada: Whether the mean sign of D(real) steers the strength of the augmentation, else
            the strength is constant; None for True with 'stylegan2' and False with 'projected'.
        ada_target: Target of the mean sign of D(real); default 0.6.
        ada_kimg: Thousands of images over which the strength may change by one; default 500.
        ada_start: Initial strength of the augmentation; None for 0 with 'stylegan2' and 1 with
            'projected'.
        augmentations: Names in `AUGMENTATIONS`; None for the set of the discriminator.
        mirror: Whether the data set is symmetric, so that half of the images are flipped;
            default False.
        dtype: 'float32', or 'mixed_bfloat16' for convolutions in bfloat16.
        seed: Seed of all random numbers; default 0.

    Raises:
        InputError: A value cannot be used.

    Reference: Karras et al., Training Generative Adversarial Networks with Limited Data
        (arXiv 2006.06676), appendix C, for the defaults.

    Example:
        >>> config = TrainingConfig(resolution=64, batch_size=32)
        >>> config.num_ws, config.kimg(1000)
        (10, 32.0)
    """

    resolution: int = 256
    channels: int = 3
    z_dim: int = 512
    w_dim: int = 512
    channel_base: int = 16384
    channel_max: int = 512
    mapping_depth: int = 8
    batch_size: int = 32
    discriminator: str = "stylegan2"
    feature_size: int | None = None
    learning_rate: float = CHOSEN
    r1_gamma: float | None = None
    r1_interval: int = 16
    path_weight: float = CHOSEN
    path_interval: int = 4
    style_mixing: float = 0.9
    ema_kimg: float = 10.0
    ema_rampup: float = 0.05
    ada: bool = CHOSEN
    ada_target: float = 0.6
    ada_kimg: float = 500.0
    ada_start: float = CHOSEN
    augmentations: tuple[str, ...] = CHOSEN
    mirror: bool = False
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self):
        self._fill()
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
        if not -1 <= self.ada_target <= 1:
            raise InputError("ada_target", "must be in [-1, 1]", ada_target=self.ada_target)

    def _fill(self):
        """Replaces None by the values of the discriminator."""
        if self.discriminator not in DISCRIMINATORS:
            names = ", ".join(DISCRIMINATORS)
            raise InputError(
                "discriminator", f"must be one of {names}", discriminator=self.discriminator
            )
        for name, value in DISCRIMINATORS[self.discriminator].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if self.discriminator == "projected":
            self._check_projected()
        elif self.feature_size is not None:
            raise InputError(
                "feature_size",
                "must be left out with --discriminator=stylegan2",
                feature_size=self.feature_size,
            )

    def _check_projected(self):
        size = self.feature_size
        if size is None:
            size = min(max(self.resolution, 64), 256)
            object.__setattr__(self, "feature_size", size)
        if not (32 <= size <= 512 and size & (size - 1) == 0):
            raise InputError(
                "feature_size", "must be a power of two from 32 to 512", feature_size=size
            )
        if self.r1_gamma:
            raise InputError(
                "r1_gamma", "must be 0 with --discriminator=projected", r1_gamma=self.r1_gamma
            )

    def _check(self, name, *, at_least):
        if not getattr(self, name) >= at_least:
            raise InputError(name, f"must be at least {at_least}", **{name: getattr(self, name)})

    @property
    def gamma(self) -> float:
        """Weight of R1: `r1_gamma`, or the heuristic of arXiv 2006.06676."""
        if self.r1_gamma is not None:
            return self.r1_gamma
        return 0.0002 * self.resolution**2 / self.batch_size

    @property
    def augments(self) -> bool:
        """Whether the augmentation can have a strength above zero."""
        return bool(self.augmentations) and bool(self.ada or self.ada_start)

    @property
    def structure(self) -> tuple[str, ...]:
        """Names of the settings that must be equal in a resumed run."""
        # The seed draws the fixed projection, which snapshots do not hold.
        return (*STRUCTURE, "seed") if self.discriminator == "projected" else STRUCTURE

    @property
    def discriminator_identity(self) -> dict[str, Any]:
        """Settings that must be equal for a discriminator's weights to keep their meaning."""
        if self.discriminator == "stylegan2":
            return {"name": "stylegan2"}
        return {"name": "projected", "seed": self.seed, "feature_size": self.feature_size}

    @property
    def num_ws(self) -> int:
        """Number of latents of an image, L."""
        return 2 * self.resolution.bit_length() - 4

    def kimg(self, step: int) -> float:
        """Returns the thousands of images seen after `step` steps."""
        return step * self.batch_size / 1000
