"""StyleGAN2 in plain NumPy and SciPy, in float64: the reference of the layers.

The code follows the definitions and is slow: explicit zeros, separate weights for each image, and
a two-dimensional convolution for each pair of channels.
"""

import numpy as np
from scipy import signal, special


def _lrelu(x, alpha=0.2):
    return np.maximum(x, 0) + alpha * np.minimum(x, 0)


def _selu(x):
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return scale * (np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)))


# name: (function, default gain of StyleGAN2)
ACTIVATIONS = {
    "linear": (lambda x: x, 1.0),
    "relu": (lambda x: np.maximum(x, 0), 2**0.5),
    "lrelu": (_lrelu, 2**0.5),
    "tanh": (np.tanh, 1.0),
    "sigmoid": (special.expit, 1.0),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(x)), 1.0),
    "selu": (_selu, 1.0),
    "softplus": (lambda x: np.logaddexp(0, x), 1.0),
    "swish": (lambda x: x * special.expit(x), 2**0.5),
}


def bias_act(x, bias, *, activation, gain=None, clamp=None):
    function, default_gain = ACTIVATIONS[activation]
    y = function(x + bias) * (default_gain if gain is None else gain)
    return y if clamp is None else np.minimum(np.maximum(y, -clamp), clamp)


def upfirdn2d(x, kernel, *, up=1, down=1, padding=(0, 0, 0, 0), gain=1.0, flip=False):
    """Resamples with a two-dimensional kernel; padding is (left, right, top, bottom)."""
    left, right, top, bottom = padding
    convolve = signal.correlate2d if flip else signal.convolve2d
    images = []
    for image in x:
        planes = []
        for c in range(x.shape[-1]):
            zeros = np.zeros((x.shape[1] * up, x.shape[2] * up))
            zeros[::up, ::up] = image[:, :, c]
            margins = [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
            padded = np.pad(zeros, margins)
            padded = padded[max(-top, 0) :, max(-left, 0) :]
            padded = padded[: padded.shape[0] - max(-bottom, 0), : padded.shape[1] - max(-right, 0)]
            planes.append(gain * convolve(padded, kernel, mode="valid")[::down, ::down])
        images.append(np.stack(planes, axis=-1))
    return np.stack(images)


def modulated_conv2d(x, weight, styles, *, demodulate=True, up=1, kernel=None, noise=0.0):
    """Convolves with weights demodulated for each image; up=2 inserts zeros and filters."""
    kh, kw, _, outputs = weight.shape
    images = []
    for b in range(styles.shape[0]):
        image = x[b % x.shape[0]][None]
        w = weight * styles[b][None, None, :, None]
        if demodulate:
            for o in range(outputs):
                w[..., o] = w[..., o] / np.sqrt(np.sum(w[..., o] ** 2) + 1e-8)
        if up == 2:
            taps = kernel.shape[0]
            before, after = (taps + 1) // 2, (taps - 2) // 2
            before, after = before + kh // 2, after + kh // 2
            image = upfirdn2d(image, kernel, up=2, padding=(before, after, before, after), gain=4.0)
            w = w[::-1, ::-1]
        else:
            image = np.pad(image, [(0, 0), (kh // 2,) * 2, (kw // 2,) * 2, (0, 0)])
        planes = [
            sum(
                signal.correlate2d(image[0, :, :, i], w[:, :, i, o], mode="valid")
                for i in range(weight.shape[2])
            )
            for o in range(outputs)
        ]
        images.append(np.stack(planes, axis=-1))
    return np.stack(images) + noise


class StyleGAN2:
    """Forward pass of a network given as a dict from the paths of weights to arrays."""

    def __init__(
        self, weights, *, resolution, depth, taps=(1, 3, 3, 1), conv_clamp=None, activation="lrelu"
    ):
        self.weights = {path: np.asarray(value, "float64") for path, value in weights.items()}
        self.resolution = resolution
        self.depth = depth
        self.kernel = np.outer(taps, taps) / np.sum(taps) ** 2
        self.conv_clamp = conv_clamp
        self.activation = activation

    def mapping(self, z, *, lr_multiplier=0.01):
        x = z / np.sqrt(np.mean(z**2, axis=1, keepdims=True) + 1e-8)
        for i in range(self.depth):
            weight = self.weights[f"mapping/fc{i}/weight"]
            bias = self.weights[f"mapping/fc{i}/bias"]
            pre = lr_multiplier * (x @ weight / np.sqrt(weight.shape[0]) + bias)
            x = bias_act(pre, 0.0, activation="lrelu")
        return x

    def synthesis(self, ws, *, noise=None):
        """Returns images; `noise` is a list of maps [B or 1, H, W, 1], by default the constants."""
        order = iter(range(ws.shape[1]))
        maps = None if noise is None else iter(noise)
        x = self.weights["synthesis/b4/const"][None]
        size, index, image = 4, -1, None
        while size <= self.resolution:
            for name in ("conv0", "conv1") if size > 4 else ("conv1",):
                index = next(order)
                path = f"synthesis/b{size}/{name}"
                x = self._conv(path, x, ws[:, index], noise=None if maps is None else next(maps))
            rgb = self._rgb(f"synthesis/b{size}/torgb", x, ws[:, index + 1])
            if image is not None:
                sides = ((len(self.kernel) + 1) // 2, (len(self.kernel) - 2) // 2)
                image = upfirdn2d(image, self.kernel, up=2, padding=sides * 2, gain=4.0)
                rgb = rgb + image
            image = rgb
            size *= 2
        return image

    def _affine(self, path, w):
        weight = self.weights[f"{path}/affine/weight"]
        return w @ weight / np.sqrt(weight.shape[0]) + self.weights[f"{path}/affine/bias"]

    def _conv(self, path, x, w, *, noise):
        if noise is None:
            noise = self.weights[f"{path}/noise_const"][None, :, :, None]
        y = modulated_conv2d(
            x,
            self.weights[f"{path}/weight"],
            self._affine(path, w),
            up=2 if path.endswith("conv0") else 1,
            kernel=self.kernel,
            noise=noise * self.weights[f"{path}/noise_strength"],
        )
        bias = self.weights[f"{path}/bias"]
        return bias_act(y, bias, activation=self.activation, clamp=self.conv_clamp)

    def _rgb(self, path, x, w):
        weight = self.weights[f"{path}/weight"]
        styles = self._affine(path, w) / np.sqrt(weight.shape[2])
        y = modulated_conv2d(x, weight, styles, demodulate=False)
        bias = self.weights[f"{path}/bias"]
        return bias_act(y, bias, activation="linear", clamp=self.conv_clamp)
