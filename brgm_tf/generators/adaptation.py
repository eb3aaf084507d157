"""Adaptation: the weights of a generator as a function of standard normal deviations.

Notation: B images; theta0 the weights and biases of the convolutions of the synthesis network,
E numbers in all; s_k the root mean square of the weights of variable k; tau the scale;
e [B or 1, E] the deviations, in which the prior of the weights is N(0, I):

    theta_k = theta0_k + tau s_k e_k

The mapping network and the affine maps of the styles do not change.

Reference: Roich et al., Pivotal tuning for latent-based editing of real images (arXiv 2106.05744),
which moves the weights without a prior.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.generators.classes import ClassGenerator


class Adaptation:
    """The adaptable weights of a generator.

    Args:
        generator: Generator with `adaptable_weights`, a sequence of Keras variables.
        scale: tau, the standard deviation of a weight relative to s_k.

    Attributes:
        generator: The generator.
        scale: tau.
        size: E.

    Raises:
        InputError: The generator has no weights that can be adapted.

    Example:
        >>> from types import SimpleNamespace
        >>> weight = keras.Variable([2.0, -2.0])
        >>> generator = SimpleNamespace(
        ...     adaptable_weights=[weight], synthesis=lambda ws: ws * weight.value)
        >>> adaptation = Adaptation(generator, scale=0.5)
        >>> adaptation.synthesis(np.ones([1, 2]), np.array([[1.0, 0.0]])).numpy().tolist()
        [[3.0, -2.0]]
    """

    def __init__(self, generator: Any, *, scale: float):
        self.generator, self.scale = generator, scale
        self._variables = list(getattr(generator, "adaptable_weights", ()))
        if not self._variables:
            raise InputError(
                "adaptation_steps",
                "must be 0 for this generator, because its weights cannot be adapted",
                remedy="Give a checkpoint or a preset folder instead of a SavedModel",
                generator=type(generator).__name__,
            )
        # The root mean square, because a bias of a single value has no standard deviation.
        arrays = [np.asarray(variable.value, np.float64) for variable in self._variables]
        self._stddevs = [scale * float(np.sqrt(np.mean(array**2))) for array in arrays]
        self._ends = np.cumsum([array.size for array in arrays]).tolist()
        self.size: int = self._ends[-1]

    def synthesis(self, ws: Any, deviations: Any) -> Any:
        """Returns the images of latents, each with its weights.

        Images with different weights are synthesised one after another.

        Args:
            ws: Latents [B, L, D].
            deviations: e [B, E]; [1, E] serves every image.

        Returns:
            Images [B, R, R, C].
        """
        if deviations.shape[0] == 1:
            return self._synthesis(ws, deviations[0])
        return ops.map(lambda image: self._synthesis(image[0][None], image[1])[0], (ws, deviations))

    def weights(self, deviations: Any) -> list[Any]:
        """Returns the adapted weights theta of one image, a tensor for each variable.

        Args:
            deviations: e [E].
        """
        starts = [0, *self._ends[:-1]]
        parts = [deviations[a:b] for a, b in zip(starts, self._ends, strict=True)]
        return [
            variable.value + s * ops.cast(ops.reshape(part, variable.shape), variable.dtype)
            for variable, part, s in zip(self._variables, parts, self._stddevs, strict=True)
        ]

    def save(self, deviations: Any, folder: str | os.PathLike) -> Path:
        """Writes the generator with adapted weights as a folder; see `preset.save_preset`.

        Args:
            deviations: e [E].
            folder: Path of the folder.
        """
        from brgm_tf.generators.preset import save_preset

        arrays = [np.asarray(weight) for weight in self.weights(deviations)]
        pairs = list(zip(self._variables, arrays, strict=True))
        generator = self.generator
        if isinstance(generator, ClassGenerator):
            generator = generator.generator
        names = list(getattr(generator, "class_names", ()))
        about = {"adaptation_scale": self.scale} | ({"class_names": names} if names else {})
        return save_preset(generator, folder, about=about, weights=pairs)

    def _synthesis(self, ws, deviations):
        """Returns the images of latents [B, L, D] with the weights of one e [E]."""
        mapping = list(zip(self._variables, self.weights(deviations), strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return self.generator.synthesis(ws)


class AdaptedGenerator:
    """A generator whose weights are adapted to an image.

    Args:
        adaptation: `Adaptation` of the generator.
        deviations: e [E].
    """

    def __init__(self, adaptation: Adaptation, deviations: np.ndarray):
        self._adaptation, self._deviations = adaptation, deviations

    def synthesis(self, ws: Any) -> Any:
        """Maps latents ws [B, L, D] to images [B, R, R, C]."""
        return self._adaptation.synthesis(ws, self._deviations[None])

    def save(self, folder: str | os.PathLike) -> Path:
        """Writes the generator as a folder that `load_generator` takes; returns the folder.

        Args:
            folder: Path of the folder, which is created if necessary.
        """
        return self._adaptation.save(self._deviations, folder)
