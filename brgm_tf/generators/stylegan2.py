"""StyleGAN2: mapping network and synthesis network (configs e and f).

Notation: z [B, Z] is a normal code, c [B, C] a label, w [B, D] its latent, ws [B, L, D]
one latent for each modulated layer (W+); L = 2 log2(resolution) - 2.

`weight_shapes` names the weights. Dense weights are [in, out], convolutions
[kh, kw, in, out]: the transposes of the arrays of PyTorch checkpoints, with no other change.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 2 and appendix B; Training Generative Adversarial Networks
with Limited Data (arXiv 2006.06676), appendix F.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, one_of
from brgm_tf.generators.base import Generator
from brgm_tf.generators.layers import add_weight, weight_dtype
from brgm_tf.generators.mapping import Mapping
from brgm_tf.generators.stylegan2_config import StyleGAN2Config
from brgm_tf.generators.synthesis import Synthesis
from brgm_tf.ops.bias_act import ACTIVATIONS

NOISE_MODES = ("const", "random", "none")


@keras.saving.register_keras_serializable(package="brgm_tf")
class StyleGAN2(Generator):
    """StyleGAN2's generator, with the official layers, scalings and assignment of latents.

        image = synthesis(ws), ws [B, L, D]; L = 2 log2(resolution) - 2

    Args:
        resolution: Height and width of the images, a power of two from 4 to 1024.
        seed: Seed of the initial weights; default 0.
        dtype: Keras policy. 'mixed_bfloat16' sets the dtype of convolutions only:
            weights, latents and images stay float32. With 'float64', all are float64.
        name: Name of the model.
        options: Other fields of `StyleGAN2Config`: sizes, widths, architecture.

    Raises:
        InputError: An option cannot be used.

    Reference: arXiv 1912.04958, table 1 (configs e, f) and figure 7.

    Example:
        >>> import numpy as np
        >>> generator = StyleGAN2(8, z_dim=4, w_dim=4, channel_base=32, mapping_depth=1)
        >>> w = generator.mapping(np.zeros([2, 4], "float32"))
        >>> ws = np.repeat(w[:, None], generator.num_ws, axis=1)
        >>> generator.synthesis(ws).shape
        TensorShape([2, 8, 8, 3])
    """

    def __init__(
        self,
        resolution: int,
        *,
        seed: int = 0,
        dtype: Any = None,
        name: str = "stylegan2",
        **options: Any,
    ):
        config = StyleGAN2Config(resolution, **options)
        checked("activation", config.activation, one_of(*ACTIVATIONS))
        checked("mapping_activation", config.mapping_activation, one_of(*ACTIVATIONS))
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.config, self.seed = config, seed
        self.resolution, self.channels = resolution, config.channels
        self.z_dim, self.w_dim, self.c_dim = config.z_dim, config.w_dim, config.c_dim
        self.num_ws = config.num_ws
        shared = {"rng": np.random.default_rng(seed), "dtype": self.dtype_policy}
        with keras.name_scope(name):
            self.mapping_network = Mapping(config, **shared)
            self.synthesis_network = Synthesis(config, **shared)
        self.w_avg = add_weight(self, "w_avg", np.zeros(config.w_dim), trainable=False)
        self.built = True

    @classmethod
    def config_e(cls, resolution: int, **options: Any) -> StyleGAN2:
        """Returns config e, with half the features of config f at high resolutions."""
        return cls(resolution, channel_base=16384, **options)

    @classmethod
    def config_f(cls, resolution: int, **options: Any) -> StyleGAN2:
        """Returns config f, the large network."""
        return cls(resolution, channel_base=32768, **options)

    def freeze(self) -> None:
        for layer in self.synthesis_network.convs:
            layer.freeze()

    @property
    def adaptable_weights(self) -> list[Any]:
        return self.synthesis_network.adaptable_weights

    @property
    def noise_shapes(self) -> list[tuple[int, int, int]]:
        """Shapes (H, W, 1) of the convolutions' noise maps, in order; [] without noise."""
        convs = self.synthesis_network.convs
        return [(layer.resolution, layer.resolution, 1) for layer in convs if layer.use_noise]

    def mapping(self, z: Any, c: Any = None) -> Any:
        """Maps z [B, Z] to w [B, D], not truncated.

        Args:
            z: Normal codes [B, Z].
            c: Labels [B or 1, C], usually one-hot. None stands for zeros, as in the
                originals without a class.

        Raises:
            InputError: c has another shape.
        """
        if c is not None and tuple(ops.shape(c))[1:] != (self.c_dim,):
            raise InputError(
                "c", f"must be labels [B or 1, {self.c_dim}]", shape=tuple(ops.shape(c))
            )
        return self.mapping_network(ops.convert_to_tensor(z), c)

    def synthesis(
        self, ws: Any, *, noise_mode: str = "const", noise: Any = None, seed: Any = None
    ) -> Any:
        """Maps latents to images.

        Args:
            ws: Latents [B, L, D].
            noise_mode: Noise maps of the convolutions: 'const', the maps of the network;
                'random', maps drawn from `seed`; 'none', no noise. Default 'const'.
            noise: Standard normal maps [B or 1, H, W, 1], one for each of `noise_shapes`.
                They replace the maps of every mode.
            seed: Integer or [2] integers; noise_mode 'random' needs it.

        Returns:
            Images [B, resolution, resolution, channels], float32 (float64 under that policy),
            nominally in [-1, 1] but not clipped.

        Raises:
            InputError: ws or noise has another shape, or the mode is unknown.
        """
        ws = ops.cast(ws, weight_dtype(self))
        if tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise InputError(
                "ws", f"must be latents [B, {self.num_ws}, {self.w_dim}]", shape=tuple(ws.shape)
            )
        if noise is None:
            noise = self._noise(noise_mode, batch=ops.shape(ws)[0], seed=seed)
        else:
            _check_noise(noise, shapes=self.noise_shapes)
        unused = [None] * len(self.synthesis_network.convs)
        return self.synthesis_network(ws, noises=list(noise) or unused)

    def draw_noise(self, num_images: Any, *, seed: Any) -> list:
        """Draws standard normal noise maps, a list of [num_images, H, W, 1].

        One stateless draw is cut into maps, so the maps depend on the seed alone.

        Args:
            num_images: Number of images, B.
            seed: Integer or [2] integers, possibly a tensor.
        """
        shapes = self.noise_shapes
        sizes = [int(np.prod(shape)) for shape in shapes]
        values = keras.random.normal(
            (num_images, sum(sizes)), dtype=weight_dtype(self), seed=_stateless_seed(seed)
        )
        ends = np.cumsum(sizes)
        return [
            ops.reshape(values[:, end - size : end], (-1, *shape))
            for shape, size, end in zip(shapes, sizes, ends.tolist(), strict=True)
        ]

    def truncate(self, w: Any, psi: float, *, cutoff: int | None = None, mean: Any = None) -> Any:
        """Moves latents towards the mean: mean + psi * (w - mean).

        Args:
            w: Latents [B, D] or [B, L, D].
            psi: Truncation: 1 keeps w, 0 gives the mean.
            cutoff: Number of layers, from the first, to truncate; None truncates all.
            mean: Mean latent [D]; default `w_avg`.

        Returns:
            Latents of the shape of w; with a cutoff, [B, L, D].
        """
        mean = self.w_avg if mean is None else mean
        w = ops.cast(w, weight_dtype(self))
        mean = ops.cast(mean, w.dtype)
        moved = mean + psi * (w - mean)
        if cutoff is None:
            return moved
        if len(w.shape) == 2:
            w, moved = w[:, None], moved[:, None]
        first = ops.arange(self.num_ws)[:, None] < cutoff
        return ops.where(first, moved, w)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, for JSON."""
        given = {"seed": self.seed, "dtype": self.dtype_policy.name, "name": self.name}
        return dataclasses.asdict(self.config) | given

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects=None) -> StyleGAN2:
        """Returns the network of a `get_config`, with initial weights."""
        return cls(**config)

    def _noise(self, noise_mode, *, batch, seed):
        convs = self.synthesis_network.convs
        checked("noise_mode", noise_mode, one_of(*NOISE_MODES))
        if noise_mode == "none":
            return []
        if noise_mode == "const":
            return [layer.noise_const[None, :, :, None] for layer in convs if layer.use_noise]
        if seed is None:
            raise InputError("seed", "must be given with noise_mode 'random'", seed=seed)
        return self.draw_noise(batch, seed=seed)


class _GivenSeed(keras.random.SeedGenerator):
    """A stateless seed, possibly traced, in the form that `keras.random` takes."""

    def __init__(self, value):
        # Without super().__init__(), which would create a variable and with it a state.
        self._value = value

    def next(self, ordered=True):
        return self._value


def _stateless_seed(seed):
    if isinstance(seed, int):
        return seed
    dtype = "int32" if keras.backend.backend() == "tensorflow" else "uint32"
    return _GivenSeed(ops.cast(seed, dtype))


def _check_noise(noise, *, shapes):
    received = [tuple(ops.shape(item))[1:] for item in noise]
    if received != list(shapes):
        raise InputError(
            "noise",
            f"must be {len(shapes)} maps [B or 1, H, W, 1] of the sizes in noise_shapes",
            shapes=received,
        )
