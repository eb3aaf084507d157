"""Bradley-Terry strengths of methods from pairwise preferences.

    P(i is preferred to j) = s_i / (s_i + s_j),    theta_i = log s_i,    sum_i theta_i = 0

The fit maximises sum_ij wins_ij log P(i, j) by Newton's method. The function is concave, and the
maximum exists if each method is preferred to each other one, directly or through others (Ford).

Reference: Bradley, Terry, "Rank analysis of incomplete block designs", 1952; Hunter, "MM algorithms
for generalized Bradley-Terry models", 2004.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from brgm_tf.core.errors import InputError

NORMAL_95 = 1.959963984540054  # quantile 0.975 of the normal distribution
_MAX_STEPS = 100
_TOLERANCE = 1e-12


@dataclasses.dataclass(frozen=True)
class Fit:
    """Fitted strengths.

    Args:
        log_strengths: theta, float64 [methods], with sum 0.
        covariance: Inverse of the Fisher information on the plane of sum 0, [methods, methods].
    """

    log_strengths: np.ndarray
    covariance: np.ndarray

    @property
    def stddev(self) -> np.ndarray:
        """Standard errors of the log-strengths, [methods]."""
        return np.sqrt(np.diag(self.covariance))

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the ends of the 95 % intervals of the log-strengths, each [methods]."""
        half = NORMAL_95 * self.stddev
        return self.log_strengths - half, self.log_strengths + half


def fit(wins: np.ndarray, *, pseudo_answers: float = 0.0) -> Fit:
    """Returns the most likely strengths.

    Args:
        wins: Number of answers that prefer row to column, [methods, methods].
        pseudo_answers: Additional answers of each pair, half for either method.

    Raises:
        InputError: a strength is infinite, because a group of methods always wins.
    """
    wins = np.asarray(wins, "float64") * (1 - np.eye(len(wins)))
    wins = wins + pseudo_answers / 2 * (1 - np.eye(len(wins)))
    if not _is_connected(wins):
        raise InputError(
            "answers",
            "must prefer each method to each other one, directly or through other methods",
            remedy="collect more answers, or give --pseudo_answers=1",
        )
    theta = np.zeros(len(wins))
    value, gradient, information = _likelihood(theta, wins)
    for _ in range(_MAX_STEPS):
        # The information is singular along (1, ..., 1), where the likelihood is constant.
        step = np.linalg.pinv(information, hermitian=True) @ gradient
        while _likelihood(theta + step, wins)[0] < value and np.abs(step).max() > _TOLERANCE:
            step = step / 2
        theta = theta + step - np.mean(step)
        value, gradient, information = _likelihood(theta, wins)
        if np.abs(step).max() <= _TOLERANCE:
            break
    return Fit(theta, np.linalg.pinv(information, hermitian=True))


def _likelihood(theta: np.ndarray, wins: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Returns the log-likelihood, its gradient and the Fisher information."""
    difference = theta[:, None] - theta
    p = 1 / (1 + np.exp(-difference))
    value = -float(np.sum(wins * np.logaddexp(0, -difference)))
    answers = wins + wins.T
    gradient = np.sum(wins - answers * p, axis=1)
    weights = answers * p * (1 - p)
    return value, gradient, np.diag(weights.sum(axis=1)) - weights


def _is_connected(wins: np.ndarray) -> bool:
    """Returns whether chains of preferences lead from each method to each other one."""
    reached = (wins > 0) | np.eye(len(wins), dtype=bool)
    for _ in range(len(wins)):
        reached = reached @ reached
    return bool(reached.all())


def wilson_interval(wins: float, answers: float) -> tuple[float, float]:
    """Returns Wilson's 95 % interval of a fraction.

    Example:
        >>> low, high = wilson_interval(8, 10)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)
    """
    z, fraction = NORMAL_95, wins / answers
    centre = fraction + z**2 / (2 * answers)
    half = z * np.sqrt(fraction * (1 - fraction) / answers + z**2 / (4 * answers**2))
    scale = 1 + z**2 / answers
    return float((centre - half) / scale), float((centre + half) / scale)
