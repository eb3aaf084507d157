"""The networks that presets hold: how each is described, checked and built."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from brgm_tf.generators.mobile_stylegan_files import array_shapes
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.generators.weight_shapes import Shapes, weight_shapes

_OTHER_ARGUMENTS = ("seed", "dtype", "name")  # of StyleGAN2, besides the fields of its config
Arrays = Mapping[str, np.ndarray]


class Network(abc.ABC):
    """A class of generators in presets."""

    @abc.abstractmethod
    def config(self, generator: Any) -> dict[str, Any]:
        """Returns the arguments of a generator for JSON, `resolution` and `channels` among them."""

    @abc.abstractmethod
    def weights(self, generator: Any) -> dict[str, Any]:
        """Returns the Keras variables of a generator by their names in the file."""

    @abc.abstractmethod
    def shapes(self, config: dict[str, Any], arrays: Arrays) -> Shapes:
        """Returns the shapes that the arrays of a file must have, before the network is built.

        Raises:
            TypeError, ValueError, KeyError: The config and the arrays do not make a network.
        """

    @abc.abstractmethod
    def build(self, config: dict[str, Any], arrays: Arrays) -> Any:
        """Returns the generator with the arrays of a file, which have its shapes."""


class StyleGAN2Network(Network):
    """StyleGAN2, whose weights are named by their paths."""

    def config(self, generator: Any) -> dict[str, Any]:
        return generator.get_config()

    def weights(self, generator: Any) -> dict[str, Any]:
        start = f"{generator.name}/"
        return {weight.path.removeprefix(start): weight for weight in generator.weights}

    def shapes(self, config: dict[str, Any], arrays: Arrays) -> Shapes:
        fields = {field.name for field in dataclasses.fields(StyleGAN2Config)}
        unknown = sorted(config.keys() - fields - set(_OTHER_ARGUMENTS))
        if unknown:
            raise ValueError(f"unknown arguments {unknown[:5]}")
        options = StyleGAN2Config(**{n: v for n, v in config.items() if n in fields})
        # A file with fewer weights than layers is damaged; the shapes would fill the memory.
        if not 0 < options.mapping_depth <= len(arrays):
            raise ValueError("too many layers")
        return weight_shapes(options)

    def build(self, config: dict[str, Any], arrays: Arrays) -> Any:
        from brgm_tf.generators.stylegan2 import StyleGAN2

        generator = StyleGAN2(**config)
        for name, weight in self.weights(generator).items():
            weight.assign(arrays[name].astype(weight.dtype))
        return generator


class MobileStyleGANNetwork(Network):
    """MobileStyleGAN, whose weights are named as in `mobile_stylegan_files.read_arrays`."""

    def config(self, generator: Any) -> dict[str, Any]:
        return {"resolution": generator.resolution, "channels": generator.channels}

    def weights(self, generator: Any) -> dict[str, Any]:
        return dict(generator.arrays)

    def shapes(self, config: dict[str, Any], arrays: Arrays) -> Shapes:
        shapes = array_shapes({name: array.shape for name, array in arrays.items()})
        resolution, channels = 2 * shapes["layers.6.conv2.noise"][1], shapes["layers.6.to_img.bias"]
        if config != {"resolution": resolution, "channels": channels[0] // 4}:
            raise ValueError(f"resolution and channels differ from the weights: {config}")
        return shapes

    def build(self, config: dict[str, Any], arrays: Arrays) -> Any:
        from brgm_tf.generators.mobile_stylegan import MobileStyleGAN

        return MobileStyleGAN({name: array.astype("float32") for name, array in arrays.items()})


NETWORKS: dict[str, Network] = {
    "StyleGAN2": StyleGAN2Network(),
    "MobileStyleGAN": MobileStyleGANNetwork(),
}
