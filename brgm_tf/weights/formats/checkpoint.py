"""A checkpoint as data: configuration and arrays of a network that is not built yet.

A `Tensor` maps one of our weights to a tensor of the file: its name and the order of its axes. Each
format has one table, which gives the names, the expected shapes and the conversion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError

_MAX_NAMES = 5
_MAX_NAME_LENGTH = 100


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a file that holds one of our weights.

    Args:
        name: Name in the file.
        axes: Axis of our weight for each axis in the file, None for an axis with one element;
            None if both have the same axes.
        change: Function applied to the values after their axes are in our order; None for no
            change.

    Example:
        >>> tensor = Tensor("conv.weight", axes=(3, 2, 0, 1))
        >>> tensor.shape((3, 3, 16, 8))
        (8, 16, 3, 3)
        >>> tensor.convert(np.zeros((8, 16, 3, 3))).shape
        (3, 3, 16, 8)
    """

    name: str
    axes: tuple[int | None, ...] | None = None
    change: Callable[[np.ndarray], np.ndarray] | None = None

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """Returns the shape in the file for the shape of our weight."""
        if self.axes is None:
            return tuple(ours)
        return tuple(1 if axis is None else ours[axis] for axis in self.axes)

    def convert(self, array: np.ndarray) -> np.ndarray:
        """Returns our weight, float32."""
        array = np.asarray(array, "float32")
        if self.axes is not None:
            order = [axis for axis in self.axes if axis is not None]
            array = array.reshape(
                [n for n, axis in zip(array.shape, self.axes, strict=True) if axis is not None]
            )
            array = array.transpose(np.argsort(order).tolist())
        return array if self.change is None else self.change(array).astype("float32")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A StyleGAN2 generator in a file.

    Args:
        origin: Description of the format, such as 'a rosinality checkpoint'.
        config: Arguments of `generators.stylegan2.StyleGAN2` that define the layers.
        arrays: Tensors of the generator by their names in the file.
        source: Function from the name of our weight to its `Tensor`, or None if the format lacks
            the weight.
    """

    origin: str
    config: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]
    source: Callable[[str], Tensor | None]

    def weights(
        self, shapes: Mapping[str, tuple[int, ...]], *, argument: str
    ) -> dict[str, np.ndarray]:
        """Converts all tensors of the file to the weights of a network.

        Args:
            shapes: Shapes of our weights by their names.
            argument: Name of the argument (or flag) that gave the file.

        Returns:
            float32 arrays by our names, without the weights that the format lacks.

        Raises:
            InputError: a tensor is missing, unexpected, of a wrong shape or not of real numbers;
                the error names it.
        """
        sources = ((name, self.source(name)) for name in shapes)
        tensors = {name: tensor for name, tensor in sources if tensor is not None}
        expected = {tensor.name: tensor.shape(shapes[name]) for name, tensor in tensors.items()}
        problems = {
            "missing": [name for name in expected if name not in self.arrays],
            "extra": [name for name in self.arrays if name not in expected],
            "wrong_shape": [
                f"{name[:_MAX_NAME_LENGTH]}: {array.shape} instead of {expected[name]}"
                for name, array in self.arrays.items()
                if name in expected and array.shape != expected[name]
            ],
            "wrong_dtype": [
                f"{name[:_MAX_NAME_LENGTH]}: {array.dtype}"
                for name, array in self.arrays.items()
                if name in expected and not np.issubdtype(array.dtype, np.floating)
            ],
        }
        received: dict[str, Any] = {key: _first(names) for key, names in problems.items() if names}
        if received:
            raise InputError(
                argument,
                f"must have the tensors of its network, as {self.origin} has them",
                **received,
            )
        return {name: tensor.convert(self.arrays[tensor.name]) for name, tensor in tensors.items()}


def _first(names: list[str]) -> list[str]:
    """Returns the first few names and the number of the others."""
    shown = [name[: 2 * _MAX_NAME_LENGTH] for name in names[:_MAX_NAMES]]
    left = len(names) - len(shown)
    return [*shown, f"... and {left} more"] if left else shown
