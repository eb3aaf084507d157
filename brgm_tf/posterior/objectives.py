"""Which objective: the scales of its terms, by name. Imports nothing heavy."""

from __future__ import annotations

import dataclasses

from brgm_tf.core.errors import InputError

OPTIMIZERS = ("adam", "lbfgs")


@dataclasses.dataclass(frozen=True)
class Objective:
    """Scales of the terms of the posterior, and how it is climbed; see `posterior.Posterior`.

    Args:
        family: 'brgm_tf1', 'brgm_torch', 'tempered' or 'bayes': the formulas of the terms.
        pixel_scale: multiplies the pixel term.
        perceptual_scale: multiplies the perceptual term; 0 leaves VGG16 out.
        prior_scale: multiplies the Gaussian prior on the latents.
        colinearity_scale: multiplies the colinearity prior.
        noise_scale: standard deviation of a pixel, grey levels; None to infer it, which
            bayes alone does unless a stage of noise has it unknown. Not of the originals'.
        effective_sample_size_cap: most independent values that a measurement is taken to
            hold; tempered only.
        layer_scale: how far a layer's latent may leave the shared one; not of the originals'.
        optimizer: a name of `OPTIMIZERS`.
        learning_rate: Adam's, at its height, in the units of the coordinates.
        rampup: share of the steps over which the rate grows from 0.
        rampdown: share of the steps at the end over which it falls to 0 as a cosine.
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


# The originals' weights: TF1's projector_wplus.py, PyTorch's bayesmap_recon.py. The latter
# multiplies its colinearity by 10 for super-resolution above a factor of 16.
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
    # Normalised densities, and nothing that is tempered: the only one whose posterior is a
    # statement of how much is known.
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
    """The objective `name` with other values for some of its fields.

    Raises:
        InputError: there is no such objective, or a scale is out of range.
    """
    if name not in OBJECTIVES:
        raise InputError("objective", "must be one of " + ", ".join(OBJECTIVES), objective=name)
    given = {key: value for key, value in overrides.items() if value is not None}
    known = {field.name for field in dataclasses.fields(Objective)} - {"family", "optimizer"}
    optimizer = given.pop("optimizer", OBJECTIVES[name].optimizer)
    if optimizer not in OPTIMIZERS:
        raise InputError(
            "optimizer", "must be one of " + ", ".join(OPTIMIZERS), optimizer=optimizer
        )
    for key, value in given.items():
        if key not in known or isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                key,
                "must be a number, and one of the scales " + ", ".join(sorted(known)),
                **{key: value},
            )
        if not 0 <= value < float("inf"):
            raise InputError(key, "must be a number of at least 0", **{key: value})
    for key in ("noise_scale", "effective_sample_size_cap", "learning_rate", "layer_scale"):
        if given.get(key) == 0:
            raise InputError(key, "must be above 0", **{key: 0})
    for key in ("rampup", "rampdown"):
        if given.get(key, 0) > 1:
            raise InputError(key, "must be a share in [0, 1]", **{key: given[key]})
    return dataclasses.replace(OBJECTIVES[name], optimizer=optimizer, **given)
