"""SavedModels of TensorFlow: third-party models as priors, and export of our generators.

Notation: as in `base`. A model without a mapping has w = z. If the synthesis takes a single
latent, then L = 1 and W+ is not available.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.core.units import GREY_LEVEL
from brgm_tf.generators.base import Generator
from brgm_tf.generators.classes import ClassGenerator, of_class
from brgm_tf.weights.formats import saved_model

_NUM_DRAWS = 8
# Largest value of the images, and the gain and offset that map the images to [-1, 1].
_RANGES = ((1.5, 2.0, -1.0), (np.inf, GREY_LEVEL, -1.0))


Shape = tuple[int | None, ...]


class SavedModelGenerator(Generator):
    """A SavedModel with the signatures of `saved_model.find_roles`, as a generator.

    A few draws tell the range of the images: [-1, 1] if a value is negative, [0, 255] if a
    value is above 1.5, else [0, 1]. Images are [B, R, R, C] or [B, C, R, R].

    Args:
        folder: Folder with saved_model.pb.
        argument: Name of the user's argument (or flag), for errors.
        name: Name of the model.

    Raises:
        InputError: The folder is damaged, or holds another kind of model.
    """

    def __init__(
        self, folder: str | os.PathLike, *, argument: str = "generator", name: str = "saved_model"
    ):
        super().__init__(name=name, trainable=False)
        signatures = saved_model.signatures(folder, argument=argument)
        mapping, synthesis = saved_model.find_roles(signatures, argument=argument)
        try:
            model = tf.saved_model.load(str(folder))
        except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
            raise InputError(
                argument, f"must be a usable SavedModel ({error})", **{argument: str(folder)}
            ) from None
        # A tuple, because Keras looks for layers elsewhere; `model` owns the variables.
        self._model = (model,)
        output, _ = saved_model.image_output(signatures[synthesis])
        self._synthesize, shape = _function(model.signatures[synthesis], output=output)
        self._map: Callable | None = None
        code_shape = shape
        if mapping is not None:
            output = next(iter(signatures[mapping].outputs))
            self._map, code_shape = _function(model.signatures[mapping], output=output)
        codes, latents = _checked_shapes(code_shape, shape, argument=argument)
        self.z_dim, self.w_dim = codes[-1], latents[-1]
        self._takes_layers = len(latents) == 2
        self.num_ws = latents[0] if self._takes_layers else 1
        self._check_images(argument=argument)
        self.built = True

    def _check_images(self, *, argument: str) -> None:
        """Determines size, axes and range of the images from a few draws."""
        self._axes: tuple[int, ...] = (0, 1, 2, 3)
        self._gain, self._offset = 1.0, 0.0
        z = np.random.RandomState(0).randn(_NUM_DRAWS, self.z_dim).astype("float32")
        try:
            w = self.mapping(z)[:, None]
            images = np.asarray(self._images(np.repeat(w, self.num_ws, axis=1)))
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise InputError(
                argument, f"must make images from {_NUM_DRAWS} latents ({error})"
            ) from None
        size = saved_model.image_size(images.shape)
        if size is None or len(images) != _NUM_DRAWS:
            raise InputError(
                argument,
                f"must make square images [{_NUM_DRAWS}, R, R, C] or [{_NUM_DRAWS}, C, R, R], with "
                f"1 or 3 channels, from {_NUM_DRAWS} latents",
                shape=images.shape,
            )
        self.resolution, self.channels = size
        if images.shape[1:] != (self.resolution, self.resolution, self.channels):
            self._axes = (0, 2, 3, 1)
        if images.min() >= 0:
            _, self._gain, self._offset = next(row for row in _RANGES if images.max() <= row[0])

    def mapping(self, z: Any) -> Any:
        """Maps z [B, Z] to w [B, D]; without a mapping in the model, w = z."""
        z = keras.ops.convert_to_tensor(z, "float32")
        if self._map is None:
            return z
        w = self._map(z)
        # Some models repeat w for each layer.
        return w[:, 0] if len(w.shape) == 3 else w

    def synthesis(self, ws: Any) -> Any:
        """Maps latents ws [B, L, D] to images [B, resolution, resolution, channels]."""
        ws = keras.ops.convert_to_tensor(ws, "float32")
        return keras.ops.transpose(self._images(ws), self._axes) * self._gain + self._offset

    def _images(self, ws):
        """Returns the images of ws [B, L, D] in the range and axes of the model."""
        return self._synthesize(ws if self._takes_layers else ws[:, 0])


def _checked_shapes(
    codes: Shape, latents: Shape, *, argument: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the sizes of z [None, Z] and of w [None(, L), D], without the batch.

    Raises:
        InputError: A shape differs from these.
    """
    if (
        len(codes) != 2
        or len(latents) not in (2, 3)
        or (codes[0], latents[0]) != (None, None)
        or None in (codes[1], *latents[1:])
    ):
        raise InputError(
            argument,
            "must have signatures for any number of z [None, Z] and w [None, D] or [None, L, D], "
            "and say these sizes",
            z=codes,
            w=latents,
        )
    return (
        tuple(int(size or 0) for size in codes[1:]),
        tuple(int(size or 0) for size in latents[1:]),
    )


def _function(signature: Any, *, output: str) -> tuple[Callable, Shape]:
    """Returns a signature as a function of one float32 tensor, and the shape of the tensor."""
    ((name, spec),) = signature.structured_input_signature[1].items()

    def function(x):
        return tf.cast(signature(**{name: tf.cast(x, spec.dtype)})[output], "float32")

    return function, tuple(spec.shape or ())


def export(generator: Generator | ClassGenerator, folder: str | os.PathLike) -> Path:
    """Writes a generator as a SavedModel, which needs TensorFlow alone.

    Signatures, for any B: mapping, z [B, Z] to w [B, D], and synthesis, ws [B, L, D] to
    images [B, R, R, C]. The object from `tf.saved_model.load` also has both as functions.
    Gradients flow through both. The mapping takes no label.

    Args:
        generator: Network of this package; of a conditional one, a `classes.ClassGenerator`.
        folder: Path of the new folder.

    Raises:
        InputError: The generator is a SavedModel already, or conditional without a class.
    """
    generator = of_class(generator, None)
    if isinstance(generator, SavedModelGenerator):
        raise InputError("source", "must not be a SavedModel already", remedy="Copy its folder")

    def mapping(z):
        return {"w": generator.mapping(z)}

    def synthesis(ws):
        return {"images": generator.synthesis(ws)}

    archive = keras.export.ExportArchive()
    archive.track(generator.generator if isinstance(generator, ClassGenerator) else generator)
    layers = (None, generator.num_ws, generator.w_dim)
    for name, function, shape, argument in (
        ("mapping", mapping, (None, generator.z_dim), "z"),
        ("synthesis", synthesis, layers, "ws"),
    ):
        spec = tf.TensorSpec(shape, tf.float32, name=argument)
        archive.add_endpoint(name, function, input_signature=[spec])
    archive.write_out(str(folder), verbose=False)
    return Path(folder)
