"""Convergence of a stochastic objective, image by image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


class Plateaus:
    """Finds the images whose ELBO no longer rises, and keeps their parameters.

    An image has converged when the mean of its ELBO over the last window exceeds the mean over the
    window before by at most the standard error of the difference. Its parameters then stay as they
    are, however long other images need.

    Args:
        num_images: B.
        window: Number of steps in a window.

    Example:
        >>> plateaus = Plateaus(1, window=2)
        >>> parameters = plateaus.update(np.zeros([4, 1]), np.ones([1, 3]))
        >>> plateaus.all_converged
        True
    """

    def __init__(self, num_images: int, *, window: int = 100):
        self._window = window
        self._elbo = np.zeros([0, num_images])
        self._converged = np.zeros(num_images, bool)
        self._parameters = None

    @classmethod
    def from_arrays(cls, arrays: Sequence[np.ndarray], **options) -> Plateaus:
        """Returns the object that `to_arrays` was called on.

        Args:
            arrays: Arrays of `to_arrays`.
            **options: Options of the constructor.
        """
        elbo, converged, parameters = arrays
        plateaus = cls(len(converged), **options)
        plateaus._elbo, plateaus._converged = elbo, converged
        plateaus._parameters = tf.constant(parameters)
        return plateaus

    def to_arrays(self) -> list[np.ndarray]:
        """Returns the state after a chunk of steps."""
        return [self._elbo, self._converged, np.asarray(self._parameters)]

    @property
    def all_converged(self) -> bool:
        """Whether every image has converged."""
        return bool(self._converged.all())

    def update(self, elbo: np.ndarray, parameters):
        """Returns the parameters [B, P] after a chunk. Converged images keep their parameters.

        Args:
            elbo: ELBO [n, B] of the steps of the chunk.
            parameters: Parameters [B, P] after the chunk.
        """
        self._elbo = np.concatenate([self._elbo, elbo])
        if self._parameters is None:
            self._parameters = parameters
        else:
            converged = self._converged[:, None]
            self._parameters = tf.where(converged, self._parameters, parameters)
        if len(self._elbo) >= 2 * self._window:
            before, after = self._elbo[-2 * self._window :].reshape(2, self._window, -1)
            error = np.sqrt((before.var(axis=0) + after.var(axis=0)) / self._window)
            self._converged = self._converged | (after.mean(axis=0) - before.mean(axis=0) <= error)
        return self._parameters
