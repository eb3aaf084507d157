"""StyleGAN2: mapping network and synthesis network (configs e and f).

Notation: z [B, Z] is a normal code, c [B, C] a label, w [B, D] its latent, ws [B, L, D]
one latent a modulated layer (W+); L = 2 log2(resolution) - 2.

Weights are named in `weight_shapes`. Dense weights are [in, out], convolutions
[kh, kw, in, out]: the transposes of the arrays of PyTorch checkpoints, with no other change.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 2 and appendix B; Training Generative Adversarial Networks
with Limited Data (arXiv 2006.06676), appendix F.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import checked, one_of
from brgm_tf.generators.base import Generator
from brgm_tf.generators.layers import FullyConnected, add_weight, weight_dtype
from brgm_tf.generators.mapping import NORMALIZATIONS, Mapping
from brgm_tf.generators.synthesis import ARCHITECTURES, Synthesis
from brgm_tf.generators.weight_shapes import layer_widths
from brgm_tf.ops.bias_act import ACTIVATIONS
from brgm_tf.ops.upfirdn2d import setup_filter

__all__ = ["NOISE_MODES", "FullyConnected", "StyleGAN2"]

NOISE_MODES = ("const", "random", "none")


@keras.saving.register_keras_serializable(package="brgm_tf")
class StyleGAN2(Generator):
    """StyleGAN2's generator, with the official layers, scalings and assignment of latents.

        image = synthesis(ws), ws [B, L, D]; L = 2 log2(resolution) - 2

    Args:
        resolution: height and width of the images, a power of two from 4 to 1024.
        channels: 1 (grey) or 3 (RGB).
        z_dim: Z.
        w_dim: D.
        c_dim: C, 0 for a network without labels.
        architecture: 'skip', 'resnet' or 'orig', of the synthesis network.
        channel_base: features at resolution r are min(channel_base / r, channel_max).
            32768 is config f, 16384 config e.
        channel_max: most features of a layer.
        kernel_size: height and width of the kernels, odd.
        activation: of the synthesis network, a name of `ops.ACTIVATIONS`.
        use_noise: whether the convolutions add noise.
        mapping_depth: layers of the mapping network.
        mapping_width: features between them; None for w_dim.
        mapping_activation: as `activation`.
        mapping_lr_multiplier: their learning rate relative to the others.
        embedding_width: features that a label is embedded in; None for w_dim.
        normalization: how z and the embedded label are scaled, one of
            `mapping.NORMALIZATIONS`; 'joint' is that of NVIDIA's first release.
        resample_filter: taps of the low-pass filter.
        conv_clamp: largest magnitude of what a convolutional layer puts out; None for
            no limit. Checkpoints trained in half precision have 256.
        seed: of the initial weights.
        dtype: Keras policy. 'mixed_bfloat16' sets the dtype of convolutions only:
            weights, latents and images stay float32. With 'float64' all are float64.
        name: name of the model.

    Raises:
        InputError: resolution, channels or a size cannot be used.

    Reference: arXiv 1912.04958, table 1 (configs e, f) and figure 7.
    """

    def __init__(
        self,
        resolution,
        *,
        channels=3,
        z_dim=512,
        w_dim=512,
        c_dim=0,
        architecture="skip",
        channel_base=32768,
        channel_max=512,
        kernel_size=3,
        activation="lrelu",
        use_noise=True,
        mapping_depth=8,
        mapping_width=None,
        mapping_activation="lrelu",
        mapping_lr_multiplier=0.01,
        embedding_width=None,
        normalization="separate",
        resample_filter=(1, 3, 3, 1),
        conv_clamp=None,
        seed=0,
        dtype=None,
        name="stylegan2",
    ):
        widths = layer_widths(resolution, channel_base=channel_base, channel_max=channel_max)
        if channels not in (1, 3):
            raise InputError("channels", "must be 1 (grey) or 3 (RGB)", channels=channels)
        if kernel_size % 2 != 1:
            raise InputError("kernel_size", "must be odd", kernel_size=kernel_size)
        checked("architecture", architecture, one_of(*ARCHITECTURES))
        checked("activation", activation, one_of(*ACTIVATIONS))
        checked("mapping_activation", mapping_activation, one_of(*ACTIVATIONS))
        checked("normalization", normalization, one_of(*NORMALIZATIONS))
        filter = setup_filter(resample_filter)
        super().__init__(name=name, dtype=dtype, autocast=False)
        mapping = {
            "mapping_depth": mapping_depth,
            "mapping_width": w_dim if mapping_width is None else mapping_width,
            "mapping_activation": mapping_activation,
            "mapping_lr_multiplier": mapping_lr_multiplier,
            "embedding_width": w_dim if embedding_width is None else embedding_width,
            "normalization": normalization,
        }
        synthesis = {
            "architecture": architecture,
            "kernel_size": kernel_size,
            "activation": activation,
            "use_noise": use_noise,
            "conv_clamp": conv_clamp,
        }
        self._config = {
            "resolution": resolution,
            "channels": channels,
            "z_dim": z_dim,
            "w_dim": w_dim,
            "c_dim": c_dim,
            "channel_base": channel_base,
            "channel_max": channel_max,
            **mapping,
            **synthesis,
            "resample_filter": np.asarray(resample_filter).tolist(),
            "seed": seed,
            "dtype": self.dtype_policy.name,
            "name": name,
        }
        self.resolution = resolution
        self.channels = channels
        self.z_dim = z_dim
        self.w_dim = w_dim
        self.c_dim = c_dim
        self.num_ws = 2 * len(widths)
        shared = {"rng": np.random.default_rng(seed), "dtype": self.dtype_policy}
        with keras.name_scope(name):
            self.mapping_network = Mapping(
                z_dim,
                w_dim,
                c_dim=c_dim,
                **{key.removeprefix("mapping_"): value for key, value in mapping.items()},
                **shared,
            )
            self.synthesis_network = Synthesis(
                widths,
                image_channels=channels,
                w_dim=w_dim,
                resample_filter=filter,
                **synthesis,
                **shared,
            )
        self.w_avg = add_weight(self, "w_avg", np.zeros(w_dim), trainable=False)
        self.built = True

    @classmethod
    def config_e(cls, resolution, **options):
        """Config e: half the features of config f at high resolutions."""
        return cls(resolution, channel_base=16384, **options)

    @classmethod
    def config_f(cls, resolution, **options):
        """Config f, the large network."""
        return cls(resolution, channel_base=32768, **options)

    def freeze(self):
        for layer in self.synthesis_network.convs:
            layer.freeze()

    @property
    def noise_shapes(self) -> list[tuple[int, int, int]]:
        """Shape (H, W, 1) of the noise map of each convolution, in order; [] without noise."""
        convs = self.synthesis_network.convs
        return [(layer.resolution, layer.resolution, 1) for layer in convs if layer.use_noise]

    def mapping(self, z, c=None):
        """Maps z [B, Z] to w [B, D], not truncated.

        Args:
            z: [B, Z].
            c: labels [B or 1, C], mostly one-hot; None for zeros, as the originals have
                it where no class is given.

        Raises:
            InputError: the shape of c does not fit.
        """
        if c is not None and tuple(ops.shape(c))[1:] != (self.c_dim,):
            raise InputError(
                "c", f"must be labels [B or 1, {self.c_dim}]", shape=tuple(ops.shape(c))
            )
        return self.mapping_network(ops.convert_to_tensor(z), c)

    def synthesis(self, ws, *, noise_mode="const", noise=None, seed=None):
        """Maps latents to images.

        Args:
            ws: [B, L, D].
            noise_mode: 'const', the network's own maps; 'random', fresh ones drawn from
                `seed`; 'none'.
            noise: a map [B or 1, H, W, 1] for each of `noise_shapes`, standard normal;
                used whatever the mode.
            seed: integer or [2] integers, needed where noise_mode is 'random'.

        Returns:
            [B, resolution, resolution, channels], float32 (float64 under that policy),
            nominally in [-1, 1] but not clipped.

        Raises:
            InputError: shapes of ws or noise, or the mode, do not fit.
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

    def draw_noise(self, num_images, *, seed):
        """Draws standard normal noise maps, a list of [num_images, H, W, 1].

        One stateless draw is cut into maps, so they depend on the seed alone.

        Args:
            num_images: B.
            seed: integer or [2] integers, possibly a tensor.
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

    def truncate(self, w, psi, *, cutoff=None, mean=None):
        """Moves latents towards the mean: mean + psi * (w - mean).

        Args:
            w: [B, D], or [B, L, D].
            psi: 1 leaves w as it is, 0 gives the mean.
            cutoff: number of layers, from the first, that are moved; None for all.
            mean: [D]; default `w_avg`.

        Returns:
            Of the shape of w; [B, L, D] where `cutoff` is given.
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

    def get_config(self):
        return dict(self._config)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)

    def _noise(self, noise_mode, *, batch, seed):
        convs = self.synthesis_network.convs
        checked("noise_mode", noise_mode, one_of(*NOISE_MODES))
        if noise_mode == "none":
            return []
        if noise_mode == "const":
            return [layer.noise_const[None, :, :, None] for layer in convs if layer.use_noise]
        if seed is None:
            raise InputError("seed", "must be given where noise_mode is 'random'", seed=seed)
        return self.draw_noise(batch, seed=seed)


class _GivenSeed(keras.random.SeedGenerator):
    """A stateless seed, possibly traced, in the form that `keras.random` takes."""

    def __init__(self, value):
        # No super().__init__(): it would create a variable, the state avoided here.
        self._value = value

    def next(self, ordered=True):
        return self._value


def _stateless_seed(seed):
    if isinstance(seed, int):
        return seed
    dtype = "int32" if keras.backend.backend() == "tensorflow" else "uint32"
    return _GivenSeed(ops.cast(seed, dtype))


def _check_noise(noise, *, shapes):
    given = [tuple(ops.shape(item))[1:] for item in noise]
    if given != list(shapes):
        raise InputError(
            "noise",
            f"must be {len(shapes)} maps [B or 1, H, W, 1] of the sizes in noise_shapes",
            shapes=given,
        )
