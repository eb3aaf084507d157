"""`Config`: everything that decides a restoration, as plain values. Imports nothing heavy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import (
    MAX_INT,
    checked,
    even,
    integer,
    number,
    positive_float,
    positive_int,
)
from brgm_tf.corruptions import parsing
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.generators.loading import check_generator
from brgm_tf.io import inputs
from brgm_tf.io.medical import AUTO, Slicing
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, check_perceptual
from brgm_tf.posterior.objectives import Objective, objective
from brgm_tf.posterior.surrogates.table import SURROGATES
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides a restoration, as plain values.

    Args:
        corruption: a call such as 'downsample(factor=32)', or a chain of them, as
            `corruptions.parsing` reads it.
        generator: a handle as for `load_generator`, or a loaded generator.
        input_kind: 'measurement' (the input is damaged) or 'clean' (it is corrupted first,
            and metrics are reported).
        objective: a name of `objectives.OBJECTIVES`; None for the estimator's own.
        overrides: values for fields of the objective; None leaves the preset's.
        estimator: a name of `estimators.ESTIMATORS`.
        num_steps: steps of the optimiser.
        num_restarts: places from which `map` climbs, in one batch; the best is kept.
        num_uncompiled_steps: steps that `map` does by a slower program, which is there at once, while
            XLA compiles that of the others; `restoration.with_eager_warmup` chooses them.
        surrogate: a name of `surrogates.SURROGATES`, what `vi` fits.
        surrogate_rank: directions of a low-rank surrogate with a width of their own.
        num_elbo_samples: of the surrogate, each step of `vi`; even.
        num_samples: restorations drawn from the posterior, where the estimator draws.
        dispersion_factor: factor on the draws' distance from their mean, in the latents' coordinates.
        model_discrepancy_stddev: standard deviation of what no latent makes, grey levels: added to that of
            the draws, and to the width of their intervals. None: the noise scale where that
            is inferred, 0 where it is given.
        batch_size: images restored in one program.
        seed: of everything random, in [0, 2^31).
        non_square: 'crop' (to the centre) or 'refuse'.
        plane, slices, window: of medical files, as of `medical.Slicing`.
        perceptual: VGG16 of the perceptual distance: a handle as for `load_perceptual`,
            or a loaded `perceptual.LPIPS`.
        keep_frames: keep pictures of the mean latent and of some steps, for a video.
    """

    corruption: str = "none"
    generator: object = DEFAULT_GENERATOR
    input_kind: str = "measurement"
    objective: str | None = None
    overrides: Mapping[str, float | str | None] = dataclasses.field(default_factory=dict)
    estimator: str = "map"
    num_steps: int = 350
    num_restarts: int = 1
    num_uncompiled_steps: int = 0
    surrogate: str = "low_rank"
    surrogate_rank: int = 64
    num_elbo_samples: int = 4
    num_samples: int = 8
    dispersion_factor: float = 1.0
    model_discrepancy_stddev: float | None = None
    batch_size: int = 1
    seed: int = 0
    non_square: str = "crop"
    plane: str = "axial"
    slices: str = "middle"
    window: str = AUTO
    perceptual: object = PERCEPTUAL_WEIGHTS
    keep_frames: bool = False

    def __post_init__(self):
        parsing.parse(self.corruption)
        check_generator(self.generator)
        check_perceptual(self.perceptual)
        row = ESTIMATORS.row(self.estimator)
        SURROGATES.row(self.surrogate)
        if self.objective is None:
            object.__setattr__(self, "objective", row.objective)
        self.scales()
        _ = self.slicing
        for name, choices in (("input_kind", inputs.KINDS), ("non_square", ("crop", "refuse"))):
            value = getattr(self, name)
            if value not in choices:
                raise InputError(name, "must be one of " + ", ".join(choices), **{name: value})
        for name, check in (
            ("num_steps", positive_int),
            ("num_restarts", positive_int),
            ("num_uncompiled_steps", integer(0, MAX_INT)),
            ("surrogate_rank", positive_int),
            ("num_elbo_samples", even),
            ("num_samples", positive_int),
            ("dispersion_factor", positive_float),
            ("batch_size", positive_int),
            ("seed", integer(0, MAX_INT)),
        ):
            object.__setattr__(self, name, checked(name, getattr(self, name), check))
        if self.model_discrepancy_stddev is not None:
            checked("model_discrepancy_stddev", self.model_discrepancy_stddev, number(0, 255))

    @property
    def stages(self) -> parsing.Stages:
        """The corruption, read and checked."""
        return parsing.parse(self.corruption)

    @property
    def slicing(self) -> Slicing:
        """Which slices of medical volumes are restored, and their window."""
        return Slicing(self.plane, self.slices, self.window)

    @property
    def measures_kspace(self) -> bool:
        """Whether the inputs are k-space, and no pictures."""
        return self.input_kind == "measurement" and self.stages.measures_kspace

    @property
    def estimator_options(self) -> dict[str, object]:
        """Those fields that the estimator takes."""
        return {name: getattr(self, name) for name in ESTIMATORS.row(self.estimator).options}

    @property
    def needs_perceptual(self) -> bool:
        """Whether the perceptual distance is computed at all."""
        return self.scales().perceptual_scale > 0 or self.input_kind == "clean"

    def scales(self) -> Objective:
        """The objective with its overrides.

        The noise scale is that of the corruption's stage of noise, where it says one. But for
        the originals' objectives, strong noise leaves out the perceptual term, which would
        compare features of noise with features of none, and so does a corruption whose gradient
        is a substitute (that is climbed by Adam, for a line search would believe it) or that has
        unknown parameters: noise looks like detail to the features, and blur is then taken for
        less than it is.
        brgm-pytorch multiplies its colinearity by ten above a factor of 16; so does this.

        Raises:
            InputError: a scale cannot be used.
        """
        overrides, stages = dict(self.overrides), self.stages
        if overrides.get("noise_scale") is None:
            overrides["noise_scale"] = stages.noise_scale
        elif stages.has_fixed_noise or stages.infers_noise:
            raise InputError(
                "noise_scale",
                f"must not be given with {stages.noise}, which says how it scatters",
                noise_scale=overrides["noise_scale"],
            )
        if not self.objective.startswith("brgm"):
            substitute = stages.straight_through_gradient
            if overrides.get("perceptual_scale") is None and (
                stages.hides_features or substitute or stages.parameter_priors
            ):
                overrides["perceptual_scale"] = 0.0
            if overrides.get("optimizer") is None and substitute:
                overrides["optimizer"] = "adam"
        if (
            self.objective == "brgm_torch"
            and stages.factor > 16
            and overrides.get("colinearity_scale") is None
        ):
            overrides["colinearity_scale"] = 1.0
        return objective(self.objective, **overrides)
