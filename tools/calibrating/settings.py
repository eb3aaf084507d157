"""Settings of a calibration, checked before TensorFlow is imported."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.pipeline.config import Config
from calibrating.truths import SIMULATED

DEFAULT_NOISE_SCALE = 3.0
# All rows of a folder share these settings; truth, estimator and surrogate may differ.
_SHARED = (
    "generator",
    "corruption",
    "mask",
    "noise_scale",
    "num_steps",
    "surrogate_rank",
    "num_elbo_samples",
    "seed",
)


@dataclasses.dataclass
class Settings:
    """Flags of tools/calibrate.py.

    Args:
        generator: Handle of the generator.
        corruption: Corruption of the images.
        truth: 'prior', 'mapped', or a file, folder or glob of images.
        estimator: Name of an estimator that draws samples.
        num_images: Number of images.
        mask: Path of a mask, for a corruption with 'mask()', or None.
        noise_scale: Standard deviation of the noise in grey levels; None for the default, 3.
        infer_noise: Whether the noise scale is inferred.
        num_steps: Number of steps of the estimator.
        surrogate: Name of the surrogate of `vi`.
        surrogate_rank: Rank of the surrogate 'low_rank'.
        num_elbo_samples: Number of samples of each step of `vi`, even.
        batch_size: Number of images in one program.
        seed: Seed of all random numbers.

    Raises:
        InputError: A setting cannot be used.
    """

    generator: str
    corruption: str
    truth: str = "prior"
    estimator: str = "vi"
    num_images: int = 200
    mask: str | None = None
    noise_scale: float | None = None
    infer_noise: bool = False
    num_steps: int = 350
    surrogate: str = "low_rank"
    surrogate_rank: int = 64
    num_elbo_samples: int = 4
    batch_size: int = 8
    seed: int = 0

    def __post_init__(self):
        noise = parsing.parse(self.corruption).noise
        if noise is not None and (self.noise_scale is not None or self.infer_noise):
            raise InputError(
                "noise_scale",
                "must not be given or inferred, because the corruption has a noise stage",
                corruption=str(noise),
            )
        self._scale_is_known = noise is None and not self.infer_noise
        self.noise_scale = DEFAULT_NOISE_SCALE if self.noise_scale is None else self.noise_scale
        if self.config.traits.data_names and self.mask is None:
            raise InputError("mask", "must be given for a corruption with 'mask()'")

    @property
    def config(self) -> Config:
        """Configuration of the restorer."""
        # A perceptual term is not a density, so no truth can be drawn from it.
        overrides = {"perceptual_scale": 0.0}
        if self._scale_is_known:
            overrides["noise_scale"] = self.noise_scale
        return Config(
            corruption=self.corruption,
            generator=self.generator,
            estimator=self.estimator,
            surrogate=self.surrogate,
            surrogate_rank=self.surrogate_rank,
            num_elbo_samples=self.num_elbo_samples,
            num_steps=self.num_steps,
            seed=self.seed,
            overrides=overrides,
        )

    @property
    def names(self) -> tuple[str, str]:
        """Names of the truth and the estimator in the table."""
        estimator = self.estimator
        if "surrogate" in ESTIMATORS.row(estimator).options:
            estimator += f"({self.surrogate})"
        truth = self.truth if self.truth in SIMULATED else Path(self.truth).name
        return truth + (" (noise inferred)" if self.infer_noise else ""), estimator

    def save(self, path: Path) -> None:
        """Writes the shared settings, or compares them with the file.

        Raises:
            InputError: The rows of the folder were computed with other settings.
        """
        values = {name: getattr(self, name) for name in _SHARED}
        if path.exists():
            saved = json.loads(path.read_text("utf-8"))
            for name, value in values.items():
                if saved[name] != value:
                    raise InputError(
                        "output_dir",
                        f"holds results with --{name}={saved[name]}",
                        remedy="Give another folder",
                        **{name: value},
                    )
        atomic_files.write(path, (json.dumps(values, indent=2) + "\n").encode("utf-8"))
