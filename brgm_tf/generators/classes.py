"""Classes of conditional generators: the label of the user, and the generator of one class.

A conditional generator has a distribution of latents for each class, w = mapping(z, c) with a
one-hot label c. Without a class the originals use a label of zeros, which belongs to no class.
TensorFlow is not imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from brgm_tf.core.errors import InputError

_ARGUMENT = "class"
_SHOWN = 20


def class_index(
    label: int | str | None, *, num_classes: int, names: Sequence[str] = ()
) -> int | None:
    """Returns the index of a class; None for a generator without classes.

    Args:
        label: Index or name of the class; None if the user gives none.
        num_classes: Number of classes; 0 for a generator without classes.
        names: Names of the classes, in order; () if they have none.

    Raises:
        InputError: The generator has classes and the label names none of them, or the generator
            has no classes and there is a label.

    Example:
        >>> class_index("dog", num_classes=2, names=("cat", "dog"))
        1
        >>> class_index(None, num_classes=2)
        Traceback (most recent call last):
        brgm_tf.core.errors.InputError: `class` must be given, because the generator is \
conditional. Give --class, or class_label in Python: an index from 0 to 1.
    """
    if num_classes == 0:
        if label is None:
            return None
        raise InputError(
            _ARGUMENT,
            "must not be given, because the generator has no classes",
            remedy="Leave it out",
            **{_ARGUMENT: label},
        )
    choice = f"an index from 0 to {num_classes - 1}"
    if names:
        choice += ", or one of " + ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    remedy = f"Give --class, or class_label in Python: {choice}"
    if label is None:
        expected = "must be given, because the generator is conditional"
        raise InputError(_ARGUMENT, expected, remedy=remedy)
    if label in names:
        return list(names).index(str(label))
    text = str(label)
    if text.isdecimal() and int(text) < num_classes and not isinstance(label, bool):
        return int(text)
    raise InputError(
        _ARGUMENT, "must be a class of the generator", remedy=remedy, **{_ARGUMENT: label}
    )


def of_class(generator: Any, label: int | str | None) -> Any:
    """Returns the generator of one class; a generator without classes is returned unchanged.

    Args:
        generator: Generator, or an object with its `synthesis`.
        label: Index or name of the class; None for a generator without classes.

    Raises:
        InputError: See `class_index`.
    """
    names = getattr(generator, "class_names", ())
    index = class_index(label, num_classes=num_classes_of(generator), names=names)
    return generator if index is None else ClassGenerator(generator, index)


def num_classes_of(generator: Any) -> int:
    """Returns the number of classes of a generator; 0 for a generator without classes."""
    return int(getattr(generator, "c_dim", 0) or 0)


class ClassGenerator:
    """A conditional generator restricted to one class: its mapping takes no label.

    All other attributes are those of the generator.

    Args:
        generator: The conditional generator.
        index: Index of the class.

    Attributes:
        generator: The conditional generator.
        class_index: Index of the class.
        c_dim: 0, because the generator of one class takes no label.
    """

    c_dim = 0

    def __init__(self, generator: Any, index: int):
        self.generator, self.class_index = generator, index
        self._label = np.eye(num_classes_of(generator), dtype="float32")[index : index + 1]

    def mapping(self, z: Any) -> Any:
        """Maps z [B, Z] to w [B, D] of the class."""
        return self.generator.mapping(z, self._label)

    def __call__(self, z: Any) -> Any:
        """Returns the images of z [B, Z], with the same w at every layer."""
        import keras

        w = self.mapping(z)
        return self.synthesis(keras.ops.repeat(w[:, None, :], self.num_ws, axis=1))

    def latent_statistics(self, num_samples: int = 10_000, *, seed: int = 123) -> Any:
        """Returns the mean and covariance of w in the class; see `Generator.latent_statistics`."""
        return self.generator.latent_statistics(num_samples, seed=seed, c=self._label)

    @property
    def w_avg(self) -> np.ndarray:
        """Mean of w in the class, [D]."""
        return np.asarray(self.latent_statistics().mean, "float32")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "generator":
            raise AttributeError(name)
        return getattr(self.generator, name)
