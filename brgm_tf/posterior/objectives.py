"""Objectives: the scales of the terms of the posterior, by name. TensorFlow is not imported."""

from __future__ import annotations

import dataclasses
from typing import Any

from brgm_tf.core.errors import InputError
from brgm_tf.core.registry import Registry, Row

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


def _check_scale(key: str, value: Any) -> None:
    """Raises an `InputError` unless the value is in the range of the field."""
    received: dict[str, Any] = {key: value}
    scales = {field.name for field in dataclasses.fields(Objective)} - {"family", "optimizer"}
    if key not in scales or isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(
            key,
            "must be a number, and one of the scales " + ", ".join(sorted(scales)),
            **received,
        )
    if not 0 <= value < float("inf"):
        raise InputError(key, "must be a number of at least 0", **received)
    positive = ("noise_scale", "effective_sample_size_cap", "learning_rate", "layer_scale")
    if value == 0 and key in positive:
        raise InputError(key, "must be above 0", **received)
    if value > 1 and key in ("rampup", "rampdown"):
        raise InputError(key, "must be a fraction in [0, 1]", **received)
