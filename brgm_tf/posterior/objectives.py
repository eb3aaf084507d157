"""Objectives: the scales of the terms of the posterior, by name. TensorFlow is not imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import Registry, Row
from brgm_tf.corruptions.traits import CorruptionTraits

_LARGE_FACTOR = 16  # of super-resolution, in brgm-pytorch
OPTIMIZERS = ("adam", "lbfgs")

# The distributions that an objective consists of.
FAMILIES = Registry(
    "family",
    {
        "bayes": Row("brgm_tf.posterior.terms:BayesTerms", "normalised densities"),
        "tempered": Row(
            "brgm_tf.posterior.terms:TemperedTerms",
            "densities with a likelihood that counts a limited number of values",
        ),
        "brgm_tf1": Row("brgm_tf.posterior.terms:BrgmTf1Terms", "the sums of razvanmarinescu/brgm"),
        "brgm_torch": Row(
            "brgm_tf.posterior.terms:BrgmTorchTerms", "the sums of razvanmarinescu/brgm-pytorch"
        ),
    },
)


@dataclasses.dataclass(frozen=True)
class Objective:
    """Scales of the terms of the posterior, and the optimizer that maximizes their sum.

    Args:
        family: Distributions of the terms, a name of `FAMILIES`; see `terms`.
        pixel_scale: Factor of the pixel term.
        perceptual_scale: Factor of the perceptual term; 0 leaves VGG16 out.
        prior_scale: Factor of the Gaussian prior on the latents.
        colinearity_scale: Factor of the colinearity term.
        noise_scale: Standard deviation of the noise of a pixel, grey levels; None to infer it with
            bayes. Originals ignore it.
        effective_sample_size_cap: Largest number of independent values that a measurement counts
            as; tempered only.
        layer_scale: Deviation of a layer's latent from the latent that all layers share, in
            standard deviations; None for independent layers, as in the originals.
        optimizer: Name of the optimizer, one of `OPTIMIZERS`.
        learning_rate: Peak learning rate of Adam, in the units of the position.
        rampup: Fraction of the steps over which the learning rate grows from 0.
        rampdown: Fraction of the steps at the end over which the learning rate falls to 0.

    Example:
        >>> objective("bayes", noise_scale=5.0).noise_scale
        5.0
    """

    family: str
    pixel_scale: float
    perceptual_scale: float
    prior_scale: float
    colinearity_scale: float
    noise_scale: float | None = 1.0
    effective_sample_size_cap: float = float("inf")
    layer_scale: float | None = None
    optimizer: str = "adam"
    learning_rate: float = 0.1
    rampup: float = 0.05
    rampdown: float = 0.25

    def create_terms(self) -> Any:
        """Returns the `terms.Terms` of the family with these scales; imports TensorFlow."""
        return FAMILIES.row(self.family).load()(self)


# The originals' weights are those of TF1's projector_wplus.py and PyTorch's bayesmap_recon.py. The
# latter multiplies its colinearity by 10 for super-resolution above a factor of 16.
OBJECTIVES = {
    "balanced": Objective(
        "tempered",
        pixel_scale=1.0,
        perceptual_scale=200_000.0,
        prior_scale=1.0,
        colinearity_scale=0.0,
        noise_scale=3.0,
        effective_sample_size_cap=3072.0,
        layer_scale=1.0,
        optimizer="lbfgs",
    ),
    # The only objective of normalised, untempered densities: its posterior states what is known.
    "bayes": Objective(
        "bayes",
        pixel_scale=1.0,
        perceptual_scale=0.0,
        prior_scale=1.0,
        colinearity_scale=0.0,
        noise_scale=None,
        layer_scale=1.0,
        optimizer="lbfgs",
    ),
    "brgm_tf1": Objective("brgm_tf1", 1e-3, 1.0, 100.0, 3.0),
    "brgm_torch": Objective("brgm_torch", 1e-3, 1e7, 100.0, 0.1, rampup=0.0, rampdown=0.0),
}


def objective(name: str, **overrides) -> Objective:
    """Returns the objective `name` with other values of some of its fields.

    Args:
        name: Name in `OBJECTIVES`.
        **overrides: Values by field; None keeps the value of the objective.

    Raises:
        InputError: There is no such objective, or a value is out of range.

    Example:
        >>> objective("balanced", perceptual_scale=0.0).perceptual_scale
        0.0
    """
    if name not in OBJECTIVES:
        raise InputError("objective", "must be one of " + ", ".join(OBJECTIVES), objective=name)
    values = {key: value for key, value in overrides.items() if value is not None}
    optimizer = values.pop("optimizer", OBJECTIVES[name].optimizer)
    if optimizer not in OPTIMIZERS:
        raise InputError(
            "optimizer", "must be one of " + ", ".join(OPTIMIZERS), optimizer=optimizer
        )
    for key, value in values.items():
        _check_scale(key, value)
    return dataclasses.replace(OBJECTIVES[name], optimizer=optimizer, **values)


def _check_scale(key: str, value) -> None:
    """Raises an `InputError` unless the value is in the range of the field."""
    scales = {field.name for field in dataclasses.fields(Objective)} - {"family", "optimizer"}
    if key not in scales or isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(
            key,
            "must be a number, and one of the scales " + ", ".join(sorted(scales)),
            remedy="",
            **{key: value},
        )
    if not 0 <= value < float("inf"):
        raise InputError(key, "must be a number of at least 0", remedy="", **{key: value})
    positive = ("noise_scale", "effective_sample_size_cap", "learning_rate", "layer_scale")
    if value == 0 and key in positive:
        raise InputError(key, "must be above 0", remedy="", **{key: value})
    if value > 1 and key in ("rampup", "rampdown"):
        raise InputError(key, "must be a fraction in [0, 1]", remedy="", **{key: value})


def objective_for(
    name: str, traits: CorruptionTraits, *, overrides: Mapping[str, object] | None = None
) -> Objective:
    """Returns the objective for a corruption.

    The preset's scales hold unless `overrides` has another value. The corruption then decides
    three scales that are still open:

    - The noise scale is the scale of the stage of noise, if that stage has one.
    - The perceptual term is left out of 'balanced' and 'bayes' in three cases: the noise is
      strong, the gradient is a substitute, or a parameter is unknown. VGG16 takes noise for
      detail, so an unknown blur would come out too small. A substitute gradient is also
      followed by Adam, because it misleads a line search.
    - brgm-pytorch multiplies its colinearity by ten above a factor of 16, and so does
      'brgm_torch'.

    Args:
        name: Name in `OBJECTIVES`.
        traits: Traits of the corruption.
        overrides: Values for fields of the objective; None leaves the value of the preset.

    Raises:
        InputError: There is no such objective, or a scale cannot be used.

    Example:
        >>> from brgm_tf.corruptions.traits import traits_of
        >>> objective_for("balanced", traits_of("noise(scale=40)")).perceptual_scale
        0.0
    """
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    defaults: dict[str, object] = {}
    if "noise_scale" in given:
        _check_noise_scale(given["noise_scale"], traits)
    else:
        defaults["noise_scale"] = traits.noise_scale
    if not name.startswith("brgm"):
        defaults |= _defaults_of_gradients(traits)
    elif name == "brgm_torch" and traits.factor > _LARGE_FACTOR:
        defaults["colinearity_scale"] = 1.0
    return objective(name, **{**defaults, **given})


def _defaults_of_gradients(traits: CorruptionTraits) -> dict[str, object]:
    substitute = traits.straight_through_gradient
    defaults: dict[str, object] = {}
    if traits.hides_features or substitute or traits.infers_parameters:
        defaults["perceptual_scale"] = 0.0
    if substitute:
        defaults["optimizer"] = "adam"
    return defaults


def _check_noise_scale(noise_scale: object, traits: CorruptionTraits) -> None:
    if traits.has_fixed_noise or traits.infers_noise:
        raise InputError(
            "noise_scale",
            f"must not be given with {traits.noise}, whose noise has its own scale",
            noise_scale=noise_scale,
        )
