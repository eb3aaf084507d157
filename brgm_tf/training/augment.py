"""Adaptive discriminator augmentation: what the discriminator sees, real or made.

Notation: images [B, H, W, C] in [-1, 1]; strength p in [0, 1]: each augmentation happens
to an image with probability p. M [B, 3, 3] maps pixel (x, y, 1) of the output, counted from the
image's centre, to the place in the input that it shows.

    xflip       mirrored left to right, half of the times
    xint        moved by whole pixels, up to 1/8 of the size
    scale       both sides by 2^(0.2 n)
    rotate      up to 15 degrees either way
    aniso       width by 2^(0.2 n), height by 2^(-0.2 n)
    xfrac       moved by 1/8 n of the size
    brightness  + 0.2 n
    contrast    * 2^(0.5 n)
    saturation  distance from grey * 2^n; RGB only

with n standard normal. Outside, the image is its reflection; between pixels, Keys' cubic
kernel interpolates. Because p stays below 0.8, the generator does not learn to augment.

Reference: Karras et al., Training Generative Adversarial Networks with Limited Data
(arXiv 2006.06676), sections 2 and 3 and appendix B (rotations are smaller here, as hanging a
picture upside down says nothing about a film or a face). Keys, Cubic convolution
interpolation for digital image processing (1981), equation 15.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from keras import ops

from brgm_tf.training.config import AUGMENTATIONS

MAX_STRENGTH = 0.8
_MAX_SHIFT = 0.125
_MAX_ANGLE = math.radians(15.0)


class Draws(NamedTuple):
    """The random numbers of an augmentation of B images, one row an augmentation.

    Args:
        gate: [B, K] uniform; the augmentation happens where it is below p.
        uniform: [B, K, 2] in [0, 1).
        normal: [B, K, 2].
    """

    gate: np.ndarray
    uniform: np.ndarray
    normal: np.ndarray


def draw(rng: np.random.Generator, num_images: int) -> Draws:
    """Draws what `augment` needs for so many images."""
    shape = (num_images, len(AUGMENTATIONS))
    return Draws(
        rng.random(shape, "float32"),
        rng.random((*shape, 2), "float32"),
        rng.standard_normal((*shape, 2), "float32"),
    )


def augment(images, draws: Draws, *, strength, names: tuple[str, ...]):
    """Augments images; at strength 0 they come out as they are.

    Args:
        images: [B, H, W, C].
        draws: of `draw`.
        strength: p, a number or scalar tensor.
        names: of `AUGMENTATIONS`, those to be used.

    Returns:
        Of the shape of the images; linear in them but for a constant.
    """
    chosen = _Chosen(draws, strength=strength, names=names)
    height, width = images.shape[1:3]
    matrix = _geometry(chosen, height=height, width=width)
    if matrix is not None:
        images = resample(images, matrix)
    return _colour(images, chosen)


class _Chosen:
    """The random numbers of each augmentation, neutral where it does not happen."""

    def __init__(self, draws, *, strength, names):
        self._draws, self._strength, self._names = draws, strength, names

    def __contains__(self, name):
        return name in self._names

    def normal(self, name):
        """[B, 2], zero where the augmentation does not happen."""
        return self._gated(name, ops.convert_to_tensor(self._draws.normal))

    def symmetric(self, name):
        """[B, 2] uniform in [-1, 1), zero where the augmentation does not happen."""
        return self._gated(name, 2.0 * ops.convert_to_tensor(self._draws.uniform) - 1.0)

    def _gated(self, name, values):
        row = AUGMENTATIONS.index(name)
        happens = ops.convert_to_tensor(self._draws.gate)[:, row, None] < self._strength
        return ops.where(happens, values[:, row], ops.zeros_like(values[:, row]))


def _geometry(chosen, *, height, width):
    """[B, 3, 3]: the steps one after the other, each from its output to its input."""
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


def _power(exponent):
    return ops.exp(exponent * math.log(2.0))


def _affine(xx, xy, yx, yy, x=0, y=0):
    """[B, 3, 3] from numbers and tensors [B], of which there is at least one."""
    entries = (xx, xy, x, yx, yy, y, 0, 0, 1)
    like = next(entry for entry in entries if hasattr(entry, "shape"))
    full = [entry if hasattr(entry, "shape") else ops.full_like(like, entry) for entry in entries]
    return ops.reshape(ops.stack(full, axis=-1), (-1, 3, 3))


def resample(images, matrix):
    """Shows each image through an affine map, reflected outside, cubic between pixels.

        y(p) = sum over q of k(q_x - (M p)_x) k(q_y - (M p)_y) x(q)

    Args:
        images: [B, H, W, C].
        matrix: M [B, 3, 3].
    """
    height, width, channels = images.shape[1:]
    y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in (height, width)), indexing="ij")
    points = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3).astype("float32")
    places = ops.matmul(points, ops.transpose(matrix, (0, 2, 1)))
    columns, column_weights = _taps(places[..., 0] + (width - 1) / 2, size=width)
    rows, row_weights = _taps(places[..., 1] + (height - 1) / 2, size=height)
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None] * (height * width)
    flat = ops.reshape(images, (-1, channels))
    total = 0.0
    for i in range(4):
        places = (first + rows[..., i] * width)[..., None] + columns
        line = ops.sum(ops.take(flat, places, axis=0) * column_weights[..., None], axis=2)
        total = total + line * row_weights[..., i, None]
    return ops.reshape(total, (-1, height, width, channels))


def _taps(place, *, size):
    """The four pixels about each place, reflected into the image, and their weights: [..., 4]."""
    below = ops.floor(place)
    t = place - below
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


def steer(strength, sign, *, target, images, kimg):
    """The strength of the augmentation after some more images.

        p' = clip(p + sgn(sign - target) images / (1000 kimg), 0, 0.8)

    Args:
        strength: p.
        sign: mean sign of D(real), over those images.
        target: what it is steered to.
        images: how many images there were.
        kimg: thousands of images for a change of one.

    Reference: arXiv 2006.06676, section 3.
    """
    change = ops.sign(sign - target) * (images / (1000.0 * kimg))
    return ops.clip(strength + change, 0.0, MAX_STRENGTH)
