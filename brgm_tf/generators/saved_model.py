"""TensorFlow's SavedModels: anybody's as a prior, and our generators written as one.

Notation: as in `base`. A model without a mapping has w = z; one whose synthesis takes a
single latent has L = 1, so that there is no W+ to search.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.generators.base import Generator
from brgm_tf.weights.formats import saved_model

_DRAWS = 8
# Largest value of images -> the gain and the offset that take them to [-1, 1].
_RANGES = ((1.5, 2.0, -1.0), (np.inf, 2 / 255, -1.0))


class SavedModelGenerator(Generator):
    """A SavedModel with the signatures of `saved_model.find_roles`: an opaque generator.

    Its images are taken to be in [-1, 1], unless none of a few draws has a negative value:
    then in [0, 1] or, where larger ones occur, in [0, 255]. They may be [B, R, R, C] or
    [B, C, R, R].

    Args:
        folder: with saved_model.pb.
        argument: name of the argument (or flag) that it was given by.

    Raises:
        InputError: it is damaged, or no such generator.
    """

    def __init__(
        self, folder: str | os.PathLike, *, argument: str = "generator", name: str = "saved_model"
    ):
        super().__init__(name=name, trainable=False)
        found = saved_model.signatures(folder, argument=argument)
        mapping, synthesis = saved_model.find_roles(found, argument=argument)
        try:
            model = tf.saved_model.load(str(folder))
        except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
            raise InputError(
                argument, f"must be a usable SavedModel ({error})", **{argument: str(folder)}
            ) from None
        # In a tuple Keras does not look for layers; `model` owns the variables.
        self._model = (model,)
        output, _ = saved_model.image_output(found[synthesis])
        self._synthesize, latents = _function(model.signatures[synthesis], output=output)
        self._map, codes = (
            (None, latents)
            if mapping is None
            else _function(model.signatures[mapping], output=next(iter(found[mapping].outputs)))
        )
        _check_shapes(codes, latents, argument=argument)
        self.z_dim, self.w_dim = codes[-1], latents[-1]
        self._takes_layers = len(latents) == 3
        self.num_ws = latents[1] if self._takes_layers else 1
        self._check_images(argument=argument)
        self.built = True

    def _check_images(self, *, argument: str) -> None:
        """Finds out the images' size, axes and range from a few draws."""
        self._axes, self._gain, self._offset = (0, 1, 2, 3), 1.0, 0.0
        z = np.random.RandomState(0).randn(_DRAWS, self.z_dim).astype("float32")
        try:
            w = self.mapping(z)[:, None]
            images = np.asarray(self._images(np.repeat(w, self.num_ws, axis=1)))
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise InputError(
                argument, f"must make images from {_DRAWS} latents ({error})"
            ) from None
        size = saved_model.image_size(images.shape)
        if size is None or len(images) != _DRAWS:
            raise InputError(
                argument,
                f"must make square images [{_DRAWS}, R, R, C] or [{_DRAWS}, C, R, R] of 1 or 3 "
                f"channels from {_DRAWS} latents",
                shape=images.shape,
            )
        self.resolution, self.channels = size
        if images.shape[1:] != (self.resolution, self.resolution, self.channels):
            self._axes = (0, 2, 3, 1)
        if images.min() >= 0:
            _, self._gain, self._offset = next(row for row in _RANGES if images.max() <= row[0])

    def mapping(self, z):
        """Maps z [B, Z] to w [B, D]; the model's own mapping, or w = z."""
        z = keras.ops.convert_to_tensor(z, "float32")
        if self._map is None:
            return z
        w = self._map(z)
        # Some give the same w once for each layer.
        return w[:, 0] if len(w.shape) == 3 else w

    def synthesis(self, ws):
        """Maps latents ws [B, L, D] to images [B, resolution, resolution, channels]."""
        ws = keras.ops.convert_to_tensor(ws, "float32")
        return keras.ops.transpose(self._images(ws), self._axes) * self._gain + self._offset

    def _images(self, ws):
        """Images of ws [B, L, D] as the model makes them."""
        return self._synthesize(ws if self._takes_layers else ws[:, 0])


def _check_shapes(codes: tuple, latents: tuple, *, argument: str) -> None:
    """Raises unless the inputs of the signatures are z [None, Z] and w [None(, L), D]."""
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


def _function(signature, *, output: str) -> tuple[Callable, tuple[int | None, ...]]:
    """A signature of one input as a function of a float32 tensor, and its input's shape."""
    ((name, spec),) = signature.structured_input_signature[1].items()

    def function(x):
        return tf.cast(signature(**{name: tf.cast(x, spec.dtype)})[output], "float32")

    return function, tuple(spec.shape or ())


def export(generator: Generator, folder: str | os.PathLike) -> Path:
    """Writes a generator as a SavedModel, which needs TensorFlow only.

    Signatures: mapping, z [B, Z] to w [B, D], and synthesis, ws [B, L, D] to images
    [B, R, R, C], of any B; `tf.saved_model.load` gives them as functions besides. Gradients
    flow through both. Of a generator with labels the mapping is that of zeros.

    Args:
        generator: of this package's networks.
        folder: to be written.

    Raises:
        InputError: the generator is a SavedModel already.
    """
    if isinstance(generator, SavedModelGenerator):
        raise InputError("source", "must not be a SavedModel already", remedy="Copy its folder")

    def mapping(z):
        return {"w": generator.mapping(z)}

    def synthesis(ws):
        return {"images": generator.synthesis(ws)}

    archive = keras.export.ExportArchive()
    archive.track(generator)
    layers = (None, generator.num_ws, generator.w_dim)
    for name, function, shape, argument in (
        ("mapping", mapping, (None, generator.z_dim), "z"),
        ("synthesis", synthesis, layers, "ws"),
    ):
        spec = tf.TensorSpec(shape, tf.float32, name=argument)
        archive.add_endpoint(name, function, input_signature=[spec])
    archive.write_out(str(folder), verbose=False)
    return Path(folder)
