"""The cause of a large residual, if the numbers show the cause.

Notation: y [h, w, c] a measurement, f(x) its prediction, r = 127.5 (y - f(x)) the residual in grey
levels over the observed values, L the loss of each step. A cause is known if without it the
residual would be small, or if the loss shows whether more steps help.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT

# The residual of a run of N steps falls as N^-p, with the p of the later half of its steps. More
# steps help if the residual is at its bound after at most the first multiple of the steps, and the
# picture is outside the generator's range beyond the second one. With xray-64, radiographs need
# the 1.6-fold of 100 steps and the 5.5-fold of 20; a photograph the 9-fold and the 60-fold.
_NEAR, _FAR = 4.0, 8.0
_FEWEST = 10  # steps of a run whose loss shows a trend
_CONVERGED = 0.001  # fraction of its fall by which the loss falls in the later half
# A few values: this fraction of the values has this fraction of the squared residual. In a good
# fit it has 0.35.
_FEW, _MOST = 0.05, 0.6
_GREY = 2.0  # grey levels by which the channels of a grey picture differ

TOO_FEW_STEPS = "it still falls, so give num_steps={} or more"
MASK = "few pixels have most of it, so give a mask that covers all damaged pixels"
GREY_PICTURE = "the picture is grey and the generator makes colours, so add grayscale()"
TONES = (
    "the generator's images have other tones, so change the brightness of the picture, or add "
    "gain() or gamma()"
)
OUTSIDE = "more steps hardly lower it, so the picture lies outside the generator's range"


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """The end of the restoration of one image.

    Args:
        measurement: y [h, w, c].
        prediction: f(x), in the shape of y.
        observed: bool, in the shape of y, True = observed.
        loss: L [steps].
        is_complete: Whether every step was done, or the estimator had converged before.
    """

    measurement: np.ndarray
    prediction: np.ndarray
    observed: np.ndarray
    loss: np.ndarray
    is_complete: bool = True


def cause_of_misfit(fit: Fit, *, bound: float) -> str:
    """Returns the cause of a residual above a bound; '' if the cause is unknown.

    Args:
        fit: The end of the restoration.
        bound: Largest residual of a good fit in grey levels.

    Example:
        >>> y = np.zeros((8, 8, 1))
        >>> y[0, 0] = 1
        >>> fit = Fit(y, np.zeros_like(y), np.ones(y.shape, bool), np.ones(50))
        >>> cause_of_misfit(fit, bound=10) == MASK
        True
    """
    if not fit.is_complete:  # Another warning states that the run was stopped.
        return ""
    if not np.iscomplexobj(fit.measurement):
        for cause, residual in (
            (MASK, _residual_of_most(fit)),
            (GREY_PICTURE, _residual_of_grey(fit)),
            (TONES, _residual_of_tones(fit)),
        ):
            if residual <= bound:
                return cause
    observed = np.abs(fit.measurement - fit.prediction)[fit.observed].astype("float64")
    multiple = _multiple_of_steps(fit.loss, ratio=_levels(observed**2) / bound)
    if multiple <= _NEAR:
        return TOO_FEW_STEPS.format(_rounded_up(multiple * len(fit.loss)))
    return OUTSIDE if multiple > _FAR else ""


def _multiple_of_steps(loss: np.ndarray, *, ratio: float) -> float:
    """Returns the multiple of the steps after which the residual is at its bound.

    The loss is nearly proportional to the square of the residual. A loss of normalised densities
    may be negative, and the multiple is then NaN unless the loss has converged. The multiple is
    also NaN for a run of very few steps.

    Args:
        loss: L [steps].
        ratio: Residual divided by its bound, at least 1.
    """
    if len(loss) < _FEWEST:
        return np.nan
    half, last = loss[max(0, len(loss) // 2 - 1)], loss.min()
    if last <= 0:
        return np.inf if half - last <= _CONVERGED * (loss[0] - last) else np.nan
    power = 0.5 * np.log2(half / last)
    if power <= 0:
        return np.inf
    return float(np.exp2(min(100.0, np.log2(max(1.0, ratio)) / power)))


def _rounded_up(steps: float) -> int:
    """Returns a number of steps with two digits, such as 170 for 161.2."""
    unit = 10 ** max(0, int(np.log10(steps)) - 1)
    return int(np.ceil(steps / unit)) * unit


def _residual_of_most(fit: Fit) -> float:
    """Returns the residual without the few largest errors; infinity if these are not most of it."""
    errors = np.sort(((fit.measurement - fit.prediction)[fit.observed]).astype("float64") ** 2)
    most = errors[: len(errors) - int(np.ceil(_FEW * len(errors)))]
    if not len(most) or most.sum() > (1 - _MOST) * errors.sum():
        return np.inf
    return _levels(most)


def _residual_of_grey(fit: Fit) -> float:
    """Returns the residual of the mean channel; infinity if the measurement has colours."""
    is_grey = np.ptp(fit.measurement, axis=-1)[fit.observed.all(axis=-1)]
    if fit.measurement.shape[-1] == 1 or not is_grey.size:
        return np.inf
    if GREY_LEVELS_PER_UNIT * is_grey.max() > _GREY:
        return np.inf
    difference = (fit.measurement - fit.prediction).mean(axis=-1)
    return _levels(difference[fit.observed.all(axis=-1)].astype("float64") ** 2)


def _residual_of_tones(fit: Fit) -> float:
    """Returns the residual after the best gain and offset of the prediction."""
    y = fit.measurement[fit.observed].astype("float64")
    x = fit.prediction[fit.observed].astype("float64")
    slope = np.cov(x, y)[0, 1] / x.var(ddof=1) if len(x) > 2 and x.var() > 0 else 0.0
    return _levels((y - y.mean() - slope * (x - x.mean())) ** 2) if slope else np.inf


def _levels(squares: np.ndarray) -> float:
    return float(GREY_LEVELS_PER_UNIT * np.sqrt(squares.mean()))
