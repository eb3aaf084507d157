"""A checkpoint as data: what the network is, and its arrays, before anything is built.

A `Tensor` says where in a file a weight of ours is, and how its axes lie there. So one
table a format gives the names, the expected shapes and the conversion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from brgm_tf.core.errors import InputError

_MOST_NAMES = 5
_LONGEST_NAME = 100


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor of a file that holds one weight of ours.

    Args:
        name: in the file.
        axes: for each axis in the file the axis of our weight that it is, or None where
            it has one element only; None where the axes are the same.
        change: what is done to the values, with the axes already ours; None for nothing.
    """

    name: str
    axes: tuple[int | None, ...] | None = None
    change: Callable[[np.ndarray], np.ndarray] | None = None

    def shape(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """Shape in the file of a weight whose shape is `ours`."""
        if self.axes is None:
            return tuple(ours)
        return tuple(1 if axis is None else ours[axis] for axis in self.axes)

    def convert(self, array: np.ndarray) -> np.ndarray:
        """Our weight, float32."""
        array = np.asarray(array, "float32")
        if self.axes is not None:
            kept = [axis for axis in self.axes if axis is not None]
            array = array.reshape(
                [n for n, axis in zip(array.shape, self.axes, strict=True) if axis is not None]
            )
            array = array.transpose(np.argsort(kept).tolist())
        return array if self.change is None else self.change(array).astype("float32")


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A StyleGAN2 generator in a file.

    Args:
        origin: words for the format, such as 'a rosinality checkpoint'.
        config: arguments of `generators.stylegan2.StyleGAN2` that say what the layers are.
        arrays: the generator's tensors by their names in the file.
        source: name of a weight of ours -> its `Tensor`; None of one the format lacks.
    """

    origin: str
    config: Mapping[str, object]
    arrays: Mapping[str, np.ndarray]
    source: Callable[[str], Tensor | None]

    def weights(
        self, shapes: Mapping[str, tuple[int, ...]], *, argument: str
    ) -> dict[str, np.ndarray]:
        """Converts the tensors to the weights of a network: all of them, and no other.

        Args:
            shapes: our weights' shapes by their names.
            argument: name of the argument (or flag) that the file was given by.

        Returns:
            float32 arrays by our names, without those that the format lacks.

        Raises:
            InputError: tensors are missing, left over, of a wrong shape or not of real
                numbers; it names them.
        """
        tensors = {name: self.source(name) for name in shapes}
        tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        expected = {tensor.name: tensor.shape(shapes[name]) for name, tensor in tensors.items()}
        faults = {
            "missing": [name for name in expected if name not in self.arrays],
            "extra": [name for name in self.arrays if name not in expected],
            "wrong_shape": [
                f"{name[:_LONGEST_NAME]}: {array.shape} instead of {expected[name]}"
                for name, array in self.arrays.items()
                if name in expected and array.shape != expected[name]
            ],
            "wrong_dtype": [
                f"{name[:_LONGEST_NAME]}: {array.dtype}"
                for name, array in self.arrays.items()
                if name in expected and not np.issubdtype(array.dtype, np.floating)
            ],
        }
        if any(faults.values()):
            raise InputError(
                argument,
                f"must have the tensors of its network, as {self.origin} has them",
                **{fault: _first(names) for fault, names in faults.items() if names},
            )
        return {name: tensor.convert(self.arrays[tensor.name]) for name, tensor in tensors.items()}


def _first(names: list[str]) -> list[str]:
    """The first few names, and how many more there are."""
    shown = [name[: 2 * _LONGEST_NAME] for name in names[:_MOST_NAMES]]
    left = len(names) - len(shown)
    return [*shown, f"... and {left} more"] if left else shown
