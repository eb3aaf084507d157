"""StyleGAN2: mapping network and synthesis network with skip connections (configs e and f).

Notation: z [B, Z] is a normal code, w [B, D] its latent, ws [B, L, D] one latent a
modulated layer (W+). Block r (r = 4, 8, ..., resolution) has conv0 (which doubles
the size; absent at 4), conv1 and torgb. Latents go to layers in that order; torgb
shares its latent with the next block's first convolution, so L = 2 log2(resolution) - 2.

Weights are named as in the block list: 'mapping/fc0/weight', 'synthesis/b8/conv0/bias',
'synthesis/b8/conv0/affine/weight', 'synthesis/b8/torgb/weight', 'w_avg'. Dense weights
are [in, out], convolutions [kh, kw, in, out]: the transposes of the arrays of
PyTorch checkpoints, with no other change.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), figure 2 and appendix B; Training Generative Adversarial Networks
with Limited Data (arXiv 2006.06676), appendix F.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from brgm_tf.errors import InputError
from brgm_tf.generators.base import Generator
from brgm_tf.generators.ops import (
    bias_act,
    modulated_conv2d,
    normalize_2nd_moment,
    setup_filter,
    upsample2d,
)

NOISE_MODES = ("const", "random", "none")


class _Layer(keras.layers.Layer):
    """Base of the layers below: built at construction, weights never below float32.

    Args:
        rng: `numpy.random.Generator` that initial weights are drawn from, so that
            they are the same on every backend.
        name, dtype: as in Keras. A mixed policy sets the dtype of convolutions only.
    """

    def __init__(self, *, rng, name, dtype):
        # Inputs keep their dtype: latents stay float32 under a mixed policy.
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._rng = rng
        self.built = True

    @property
    def weight_dtype(self) -> str:
        return _weight_dtype(self)

    def _normal(self, name, shape, *, scale=1.0, trainable=True):
        value = self._rng.standard_normal(shape) * scale
        return self._weight(name, value, trainable=trainable)

    def _constant(self, name, shape, value):
        return self._weight(name, np.full(shape, value))

    def _weight(self, name, value, *, trainable=True):
        return _add_weight(self, name, value, trainable=trainable)


class FullyConnected(_Layer):
    """Dense layer with an equalised learning rate.

        y = act(x (weight * lr_multiplier / sqrt(in)) + bias * lr_multiplier)

    Args:
        in_features: size of the input.
        out_features: size of the output.
        activation: a name of `ops.ACTIVATIONS`.
        bias_init: initial effective bias.
        lr_multiplier: learning rate relative to the rest of the network.

    Reference: Karras et al., Progressive Growing of GANs (arXiv 1710.10196), section 4.1.
    """

    def __init__(
        self,
        in_features,
        out_features,
        *,
        activation="linear",
        bias_init=0.0,
        lr_multiplier=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.activation = activation
        self.weight_gain = lr_multiplier / np.sqrt(in_features).item()
        self.bias_gain = lr_multiplier
        self.weight = self._normal("weight", (in_features, out_features), scale=1 / lr_multiplier)
        self.bias = self._constant("bias", (out_features,), bias_init / lr_multiplier)

    def call(self, x):
        """Maps x [B, in] to [B, out], in the dtype of the weights."""
        x = ops.matmul(ops.cast(x, self.weight_dtype), self.weight * self.weight_gain)
        return bias_act(x, self.bias * self.bias_gain, activation=self.activation)


class Mapping(_Layer):
    """Mapping network: w = fc_n(...fc_1(z / rms(z))), leaky ReLU after each layer.

    Args:
        z_dim: Z.
        w_dim: D.
        depth: number of layers.
        lr_multiplier: their learning rate relative to the synthesis network.
    """

    def __init__(self, z_dim, w_dim, *, depth, lr_multiplier, rng, name="mapping", dtype=None):
        super().__init__(rng=rng, name=name, dtype=dtype)
        with keras.name_scope(name):
            self.layers = [
                FullyConnected(
                    z_dim if i == 0 else w_dim,
                    w_dim,
                    activation="lrelu",
                    lr_multiplier=lr_multiplier,
                    rng=rng,
                    name=f"fc{i}",
                    dtype=dtype,
                )
                for i in range(depth)
            ]

    def call(self, z):
        """Maps z [B, Z] to w [B, D]."""
        x = normalize_2nd_moment(ops.cast(z, self.weight_dtype))
        for layer in self.layers:
            x = layer(x)
        return x


class SynthesisLayer(_Layer):
    """Modulated 3x3 convolution, noise, bias and leaky ReLU.

        y = clamp(lrelu(conv(x; weight, affine(w)) + noise * noise_strength + bias) * sqrt(2))

    Args:
        in_channels, out_channels: features.
        w_dim: D.
        resolution: height and width of the output.
        up: 1 or 2.
        resample_filter: taps of `ops.setup_filter`.
        conv_clamp: largest magnitude of the output, or None.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        w_dim,
        resolution,
        up,
        resample_filter,
        conv_clamp,
        rng,
        name,
        dtype,
    ):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.up = up
        self.resample_filter = resample_filter
        self.conv_clamp = conv_clamp
        with keras.name_scope(name):
            self.affine = _affine(w_dim, in_channels, rng=rng, dtype=dtype)
        self.weight = self._normal("weight", (3, 3, in_channels, out_channels))
        self.bias = self._constant("bias", (out_channels,), 0.0)
        self.noise_const = self._normal("noise_const", (resolution, resolution), trainable=False)
        self.noise_strength = self._constant("noise_strength", (), 0.0)

    def call(self, x, w, *, noise=None):
        """Maps x [B or 1, h, h, Cin], w [B, D], noise [B or 1, H, H, 1] to [B, H, H, Cout]."""
        x = modulated_conv2d(
            ops.cast(x, self.compute_dtype),
            self.weight,
            self.affine(w),
            up=self.up,
            resample_filter=self.resample_filter,
            noise=None if noise is None else noise * self.noise_strength,
        )
        return bias_act(x, self.bias, activation="lrelu", clamp=self.conv_clamp)


class ToRGB(_Layer):
    """Modulated 1x1 convolution to the image's channels, without demodulation.

        y = clamp(conv(x; weight, affine(w) / sqrt(Cin)) + bias)

    Args:
        in_channels: features.
        channels: channels of the image.
        w_dim: D.
        conv_clamp: largest magnitude of the output, or None.
    """

    def __init__(self, in_channels, channels, *, w_dim, conv_clamp, rng, name="torgb", dtype=None):
        super().__init__(rng=rng, name=name, dtype=dtype)
        self.conv_clamp = conv_clamp
        self.weight_gain = 1 / np.sqrt(in_channels).item()
        with keras.name_scope(name):
            self.affine = _affine(w_dim, in_channels, rng=rng, dtype=dtype)
        self.weight = self._normal("weight", (1, 1, in_channels, channels))
        self.bias = self._constant("bias", (channels,), 0.0)

    def call(self, x, w):
        """Maps x [B, H, W, Cin], w [B, D] to [B, H, W, channels], in the dtype of the weights."""
        styles = self.affine(w) * self.weight_gain
        y = modulated_conv2d(ops.cast(x, self.compute_dtype), self.weight, styles, demodulate=False)
        return ops.cast(bias_act(y, self.bias, clamp=self.conv_clamp), self.weight_dtype)


class SynthesisBlock(_Layer):
    """The layers of one resolution: conv0 (absent at 4), conv1, torgb.

    Args:
        in_channels: features of the block before; 0 for the first block, which starts
            from a learned constant.
        out_channels: features.
        resolution: height and width of the output.
        image_channels: channels of the image.
        w_dim, resample_filter, conv_clamp: as in `SynthesisLayer`.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        *,
        resolution,
        image_channels,
        w_dim,
        resample_filter,
        conv_clamp,
        rng,
        dtype,
    ):
        super().__init__(rng=rng, name=f"b{resolution}", dtype=dtype)
        self.resample_filter = resample_filter
        shared = {"w_dim": w_dim, "conv_clamp": conv_clamp, "rng": rng, "dtype": dtype}
        self.convs = []
        with keras.name_scope(self.name):
            for name, inputs, up in (("conv0", in_channels, 2), ("conv1", out_channels, 1)):
                if inputs:
                    layer = SynthesisLayer(
                        inputs,
                        out_channels,
                        resolution=resolution,
                        up=up,
                        resample_filter=resample_filter,
                        name=name,
                        **shared,
                    )
                    self.convs.append(layer)
            self.torgb = ToRGB(out_channels, image_channels, **shared)
        if not in_channels:
            self.const = self._normal("const", (resolution, resolution, out_channels))

    def call(self, x, image, ws, *, noises):
        """Returns the features and image of this resolution from those of the one before.

        Args:
            x: [B, H / 2, W / 2, Cin]; None in the first block.
            image: [B, H / 2, W / 2, channels]; None in the first block.
            ws: [B, number of convolutions + 1, D].
            noises: a map or None for each convolution.
        """
        # The constant keeps its batch of one: the styles broadcast it to the batch,
        # which therefore need not be known.
        x = self.const[None] if x is None else x
        for i, (layer, noise) in enumerate(zip(self.convs, noises, strict=True)):
            x = layer(x, ws[:, i], noise=noise)
        rgb = self.torgb(x, ws[:, len(self.convs)])
        return x, rgb if image is None else rgb + upsample2d(image, self.resample_filter)


class Synthesis(_Layer):
    """Synthesis network: the blocks from 4 to the resolution, images summed on the way.

    Args:
        widths: features of each block, by resolution, from 4 up.
        image_channels: channels of the image.
        others: as in `SynthesisLayer`.
    """

    def __init__(self, widths, *, image_channels, rng, name="synthesis", dtype=None, **others):
        super().__init__(rng=rng, name=name, dtype=dtype)
        with keras.name_scope(name):
            self.blocks = [
                SynthesisBlock(
                    widths.get(resolution // 2, 0),
                    width,
                    resolution=resolution,
                    image_channels=image_channels,
                    rng=rng,
                    dtype=dtype,
                    **others,
                )
                for resolution, width in widths.items()
            ]

    @property
    def convs(self) -> list[SynthesisLayer]:
        """The layers that take noise, in order."""
        return [layer for block in self.blocks for layer in block.convs]

    def call(self, ws, *, noises):
        """Maps ws [B, L, D] and a noise map (or None) a convolution to images."""
        x = image = None
        start = 0
        for block in self.blocks:
            end = start + len(block.convs)
            x, image = block(x, image, ws[:, start : end + 1], noises=noises[start:end])
            start = end
        return image


@keras.saving.register_keras_serializable(package="brgm_tf")
class StyleGAN2(Generator):
    """StyleGAN2's generator, with the official layers, scalings and assignment of latents.

        image = synthesis(ws), ws [B, L, D]; L = 2 log2(resolution) - 2

    Args:
        resolution: height and width of the images, a power of two from 4 to 1024.
        channels: 1 (grey) or 3 (RGB).
        z_dim: Z.
        w_dim: D.
        channel_base: features at resolution r are min(channel_base / r, channel_max).
            32768 is config f, 16384 config e.
        channel_max: most features of a layer.
        mapping_depth: layers of the mapping network.
        mapping_lr_multiplier: their learning rate relative to the others.
        resample_filter: taps of the low-pass filter.
        conv_clamp: largest magnitude of what a convolutional layer puts out; None for
            no limit. Checkpoints trained in half precision have 256.
        seed: of the initial weights.
        dtype: Keras policy. 'mixed_bfloat16' sets the dtype of convolutions only:
            weights, latents and images stay float32. With 'float64' all are float64.
        name: name of the model.

    Raises:
        InputError: resolution, channels or a size cannot be used.

    Reference: arXiv 1912.04958, table 1 (configs e, f) and figure 7c; file
    formats of NVlabs/stylegan2-ada-pytorch.
    """

    def __init__(
        self,
        resolution,
        *,
        channels=3,
        z_dim=512,
        w_dim=512,
        channel_base=32768,
        channel_max=512,
        mapping_depth=8,
        mapping_lr_multiplier=0.01,
        resample_filter=(1, 3, 3, 1),
        conv_clamp=None,
        seed=0,
        dtype=None,
        name="stylegan2",
    ):
        widths = _widths(resolution, channel_base=channel_base, channel_max=channel_max)
        if channels not in (1, 3):
            raise InputError("channels", "must be 1 (grey) or 3 (RGB)", channels=channels)
        filter = setup_filter(resample_filter)
        super().__init__(name=name, dtype=dtype, autocast=False)
        self._config = {
            "resolution": resolution,
            "channels": channels,
            "z_dim": z_dim,
            "w_dim": w_dim,
            "channel_base": channel_base,
            "channel_max": channel_max,
            "mapping_depth": mapping_depth,
            "mapping_lr_multiplier": mapping_lr_multiplier,
            "resample_filter": np.asarray(resample_filter).tolist(),
            "conv_clamp": conv_clamp,
            "seed": seed,
            "dtype": self.dtype_policy.name,
            "name": name,
        }
        self.resolution = resolution
        self.channels = channels
        self.z_dim = z_dim
        self.w_dim = w_dim
        self.num_ws = 2 * len(widths)
        rng = np.random.default_rng(seed)
        with keras.name_scope(name):
            self.mapping_network = Mapping(
                z_dim,
                w_dim,
                depth=mapping_depth,
                lr_multiplier=mapping_lr_multiplier,
                rng=rng,
                dtype=self.dtype_policy,
            )
            self.synthesis_network = Synthesis(
                widths,
                image_channels=channels,
                w_dim=w_dim,
                resample_filter=filter,
                conv_clamp=conv_clamp,
                rng=rng,
                dtype=self.dtype_policy,
            )
        self.w_avg = _add_weight(self, "w_avg", np.zeros(w_dim), trainable=False)
        self.built = True

    @classmethod
    def config_e(cls, resolution, **options):
        """Config e: half the features of config f at high resolutions."""
        return cls(resolution, channel_base=16384, **options)

    @classmethod
    def config_f(cls, resolution, **options):
        """Config f, the large network."""
        return cls(resolution, channel_base=32768, **options)

    @property
    def noise_shapes(self) -> list[tuple[int, int, int]]:
        """Shape (H, W, 1) of the noise map of each convolution, in order."""
        return [(*layer.noise_const.shape, 1) for layer in self.synthesis_network.convs]

    def mapping(self, z):
        """Maps z [B, Z] to w [B, D], not truncated."""
        return self.mapping_network(ops.convert_to_tensor(z))

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
        ws = ops.cast(ws, _weight_dtype(self))
        if tuple(ws.shape[1:]) != (self.num_ws, self.w_dim):
            raise InputError(
                "ws", f"must be latents [B, {self.num_ws}, {self.w_dim}]", shape=tuple(ws.shape)
            )
        if noise is None:
            noise = self._noise(noise_mode, batch=ops.shape(ws)[0], seed=seed)
        else:
            _check_noise(noise, shapes=self.noise_shapes)
        return self.synthesis_network(ws, noises=list(noise))

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
            (num_images, sum(sizes)), dtype=_weight_dtype(self), seed=_stateless_seed(seed)
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
        w = ops.cast(w, _weight_dtype(self))
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
        if noise_mode == "none":
            return [None] * len(convs)
        if noise_mode == "const":
            return [layer.noise_const[None, :, :, None] for layer in convs]
        if noise_mode != "random":
            raise InputError(
                "noise_mode", "must be one of " + ", ".join(NOISE_MODES), noise_mode=noise_mode
            )
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


def _affine(w_dim, in_channels, *, rng, dtype) -> FullyConnected:
    """Latent to style: starts as one plus a random linear map."""
    return FullyConnected(w_dim, in_channels, bias_init=1.0, rng=rng, name="affine", dtype=dtype)


def _weight_dtype(layer) -> str:
    return "float64" if layer.compute_dtype == "float64" else "float32"


def _add_weight(layer, name, value, *, trainable):
    """Adds a weight that no policy casts: each use says its dtype."""
    dtype = _weight_dtype(layer)
    return layer.add_weight(
        name=name,
        shape=value.shape,
        dtype=dtype,
        initializer=lambda shape, dtype: ops.convert_to_tensor(value, dtype=dtype),
        trainable=trainable,
        autocast=False,
    )


def _widths(resolution, *, channel_base, channel_max) -> dict[int, int]:
    """Features of each block, by resolution."""
    if (
        isinstance(resolution, bool)
        or not isinstance(resolution, int)
        or not 4 <= resolution <= 1024
        or resolution & (resolution - 1)
    ):
        raise InputError(
            "resolution", "must be a power of two from 4 to 1024", resolution=resolution
        )
    steps = [2**k for k in range(2, resolution.bit_length())]
    widths = {step: min(channel_base // step, channel_max) for step in steps}
    if min(widths.values()) < 1:
        raise InputError(
            "channel_base",
            "must leave at least one feature at the full resolution",
            remedy=f"Use {resolution} or more",
            channel_base=channel_base,
        )
    return widths


def _check_noise(noise, *, shapes):
    given = [tuple(ops.shape(item))[1:] for item in noise]
    if given != list(shapes):
        raise InputError(
            "noise",
            f"must be {len(shapes)} maps [B or 1, H, W, 1] of the sizes in noise_shapes",
            shapes=given,
        )
