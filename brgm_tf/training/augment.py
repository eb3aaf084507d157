"""Adaptive augmentation of the discriminator's images, real and generated.

Notation: images [B, H, W, C] in [-1, 1]. The strength p in [0, 1] is the probability of each
augmentation of an image. M [B, 3, 3] maps an output pixel (x, y, 1), relative to the centre of
the image, to its position in the input. n is standard normal.

    xflip       mirror left to right, with probability 1/2
    xint        shift by whole pixels, up to 1/8 of the size
    scale       scale both sides by 2^(0.2 n)
    rotate      rotate by up to 15 degrees
    aniso       scale the width by 2^(0.2 n), the height by 2^(-0.2 n)
    xfrac       shift by 1/8 n of the size
    brightness  + 0.2 n
    contrast    * 2^(0.5 n)
    saturation  distance from grey * 2^n; RGB only
    cutout      a square of half of the size is 0, centred at any pixel

Images are reflected at their borders, and Keys' cubic kernel interpolates between pixels. The
generator does not learn the augmentations, because a steered p stays below 0.8. A constant p = 1
suits augmentations that leave most pixels as they are: 'xint', the colours and 'cutout'.

Reference: Karras et al., Training Generative Adversarial Networks with Limited Data
(arXiv 2006.06676), sections 2 and 3 and appendix B. Rotations are smaller here, because faces
and radiographs are upright. Zhao et al., Differentiable Augmentation for Data-Efficient GAN
Training (arXiv 2006.10738), section 3.2, for the cutout. Keys, Cubic convolution interpolation
for digital image processing (1981), equation 15.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from brgm_tf.training.config import AUGMENTATIONS

MAX_STRENGTH = 0.8
_MAX_SHIFT = 0.125
_MAX_ANGLE = math.radians(15.0)


class Draws(NamedTuple):
    """Random numbers of the K augmentations of B images.

    Args:
        gate: Uniform numbers [B, K]; a number below p applies the augmentation.
        uniform: Uniform numbers [B, K, 2] in [0, 1).
        normal: Standard normal numbers [B, K, 2].
    """

    gate: np.ndarray
    uniform: np.ndarray
    normal: np.ndarray


def draw(rng: np.random.Generator, num_images: int) -> Draws:
    """Draws the random numbers of `augment` for a number of images."""
    shape = (num_images, len(AUGMENTATIONS))
    return Draws(
        rng.random(shape, "float32"),
        rng.random((*shape, 2), "float32"),
        rng.standard_normal((*shape, 2), "float32"),
    )


def augment(images: Any, draws: Draws, *, strength: Any, names: tuple[str, ...]) -> Any:
    """Augments images; strength 0 returns them unchanged.

    Args:
        images: Images [B, H, W, C].
        draws: Random numbers from `draw`.
        strength: Strength p, a number or scalar tensor.
        names: Augmentations to apply, among `AUGMENTATIONS`.

    Returns:
        Images [B, H, W, C], an affine function of the input.
    """
    chosen = _Chosen(draws, strength=strength, names=names)
    height, width = images.shape[1:3]
    matrix = _geometry(chosen, height=height, width=width)
    if matrix is not None:
        turns = "rotate" in names
        images = resample(images, matrix) if turns else resample_axes(images, matrix)
    images = _colour(images, chosen)
    return images * _visible(chosen, height=height, width=width) if "cutout" in chosen else images


class _Chosen:
    """Random numbers of each augmentation, zero for images without it."""

    def __init__(self, draws, *, strength, names):
        self._draws, self._strength, self._names = draws, strength, names

    def __contains__(self, name):
        return name in self._names

    def normal(self, name):
        """Returns normal numbers [B, 2], zero for images without the augmentation."""
        return self._gated(name, ops.convert_to_tensor(self._draws.normal))

    def symmetric(self, name):
        """Returns numbers [B, 2] uniform in [-1, 1), zero for images without the augmentation."""
        return self._gated(name, 2.0 * ops.convert_to_tensor(self._draws.uniform) - 1.0)

    def uniform(self, name):
        """Returns numbers [B, 2] uniform in [0, 1), -1 for images without the augmentation."""
        return self._gated(name, ops.convert_to_tensor(self._draws.uniform) + 1.0) - 1.0

    def _gated(self, name, values):
        row = AUGMENTATIONS.index(name)
        happens = ops.convert_to_tensor(self._draws.gate)[:, row, None] < self._strength
        return ops.where(happens, values[:, row], ops.zeros_like(values[:, row]))


def _geometry(chosen, *, height, width):
    """Returns the product [B, 3, 3] of the steps, each from its output to its input."""
    steps = []
    if "xflip" in chosen:
        flipped = chosen.symmetric("xflip")[:, 0] > 0
        one = ops.ones_like(chosen.symmetric("xflip")[:, 0])
        steps.append(_affine(ops.where(flipped, -one, one), 0, 0, 1))
    if "xint" in chosen:
        shift = chosen.symmetric("xint") * _MAX_SHIFT
        x, y = ops.round(shift[:, 0] * width), ops.round(shift[:, 1] * height)
        steps.append(_affine(1, 0, 0, 1, -x, -y))
    if "scale" in chosen:
        shrink = _power(-0.2 * chosen.normal("scale")[:, 0])
        steps.append(_affine(shrink, 0, 0, shrink))
    if "rotate" in chosen:
        angle = chosen.symmetric("rotate")[:, 0] * _MAX_ANGLE
        cosine, sine = ops.cos(angle), ops.sin(angle)
        steps.append(_affine(cosine, sine, -sine, cosine))
    if "aniso" in chosen:
        stretch = 0.2 * chosen.normal("aniso")[:, 0]
        steps.append(_affine(_power(-stretch), 0, 0, _power(stretch)))
    if "xfrac" in chosen:
        shift = chosen.normal("xfrac") * _MAX_SHIFT
        steps.append(_affine(1, 0, 0, 1, -shift[:, 0] * width, -shift[:, 1] * height))
    matrix = None
    for step in steps:
        matrix = step if matrix is None else ops.matmul(matrix, step)
    return matrix


def _colour(images, chosen):
    if "brightness" in chosen:
        images = images + 0.2 * chosen.normal("brightness")[:, :1, None, None]
    if "contrast" in chosen:
        images = images * _power(0.5 * chosen.normal("contrast")[:, :1, None, None])
    if "saturation" in chosen and images.shape[-1] == 3:
        grey = ops.mean(images, axis=-1, keepdims=True)
        factor = _power(chosen.normal("saturation")[:, :1, None, None])
        images = images + (images - grey) * (factor - 1.0)
    return images


def _visible(chosen, *, height, width):
    """Returns masks [B, H, W, 1], 0 in the square of the cutout and 1 elsewhere."""
    centres = chosen.uniform("cutout")
    masks = []
    for axis, length in enumerate((height, width)):
        centre = ops.floor(centres[:, axis, None] * length)
        distance = np.arange(length, dtype="float32") - centre
        masks.append((distance >= -(length // 4)) & (distance < length // 4))
    # Without the augmentation, the centre is one length outside and the square misses the image.
    hidden = masks[0][:, :, None, None] & masks[1][:, None, :, None]
    return 1.0 - ops.cast(hidden, "float32")


def _power(exponent):
    return ops.exp(exponent * math.log(2.0))


def _affine(xx, xy, yx, yy, x=0, y=0):
    """Returns [B, 3, 3] from numbers and at least one tensor [B]."""
    entries = (xx, xy, x, yx, yy, y, 0, 0, 1)
    like = next(entry for entry in entries if hasattr(entry, "shape"))
    full = [entry if hasattr(entry, "shape") else ops.full_like(like, entry) for entry in entries]
    return ops.reshape(ops.stack(full, axis=-1), (-1, 3, 3))


def resample(images: Any, matrix: Any) -> Any:
    """Resamples each image by an affine map, with reflection and cubic interpolation.

        y(p) = sum over q of k(q_x - (M p)_x) k(q_y - (M p)_y) x(q)

    Args:
        images: Images [B, H, W, C].
        matrix: Maps M [B, 3, 3].
    """
    height, width, channels = images.shape[1:]
    y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (height, width)), indexing="ij")
    points = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype("float32")
    positions = ops.matmul(points, ops.transpose(matrix, (0, 2, 1)))
    columns, column_weights = _taps(positions[..., 0] + (width - 1) / 2, size=width)
    rows, row_weights = _taps(positions[..., 1] + (height - 1) / 2, size=height)
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None] * (height * width)
    flat = ops.reshape(images, (-1, channels))
    total = 0.0
    for i in range(4):
        indices = (first + rows[..., i] * width)[..., None] + columns
        line = ops.sum(ops.take(flat, indices, axis=0) * column_weights[..., None], axis=2)
        total = total + line * row_weights[..., i, None]
    return ops.reshape(total, (-1, height, width, channels))


def resample_axes(images: Any, matrix: Any) -> Any:
    """Resamples each image by an affine map of each axis alone; equals `resample`.

    Each axis is one product with a matrix, whose gradient is faster than the gradient of the
    indices in `resample`: on CPUs by a factor of about ten.

    Args:
        images: Images [B, H, W, C].
        matrix: Maps M [B, 3, 3] without rotation: M_xy = M_yx = 0.
    """
    height, width = images.shape[1:3]
    rows = _weights(matrix[:, 1, 1], matrix[:, 1, 2], size=height)
    columns = _weights(matrix[:, 0, 0], matrix[:, 0, 2], size=width)
    channels = ops.transpose(images, (0, 3, 1, 2))
    moved = ops.matmul(
        ops.matmul(rows[:, None], channels), ops.transpose(columns, (0, 2, 1))[:, None]
    )
    return ops.transpose(moved, (0, 2, 3, 1))


def _weights(scale, shift, *, size):
    """Returns [B, size, size]: the weight of input pixel j in output pixel i."""
    pixels = np.arange(size, dtype="float32") - (size - 1) / 2
    position = pixels * scale[:, None] + shift[:, None] + (size - 1) / 2
    indices, weights = _taps(position, size=size)
    is_input = ops.equal(indices[..., None], np.arange(size, dtype="int32"))
    return ops.sum(ops.cast(is_input, "float32") * weights[..., None], axis=2)


def _taps(position, *, size):
    """Returns the four pixels around each position, and their weights: [..., 4] each."""
    below = ops.floor(position)
    t = position - below
    weights = (
        t * (t * (1.0 - 0.5 * t) - 0.5),
        1.0 + t * t * (1.5 * t - 2.5),
        t * (0.5 + t * (2.0 - 1.5 * t)),
        t * t * (0.5 * t - 0.5),
    )
    period = 2 * (size - 1)
    around = ops.cast(below, "int32")[..., None] + np.arange(-1, 3, dtype="int32")
    index = ops.mod(around, period)
    return ops.where(index < size, index, period - index), ops.stack(weights, axis=-1)


def steer(strength: Any, sign: Any, *, target: float, images: int, kimg: float) -> Any:
    """Returns the strength of the augmentation after some more images.

        p' = clip(p + sgn(sign - target) images / (1000 kimg), 0, 0.8)

    Args:
        strength: Strength p before.
        sign: Mean sign of D(real) over the images.
        target: Target of the mean sign.
        images: Number of images.
        kimg: Thousands of images for a change by one.

    Reference: arXiv 2006.06676, section 3.
    """
    change = ops.sign(sign - target) * (images / (1000.0 * kimg))
    return ops.clip(strength + change, 0.0, MAX_STRENGTH)
