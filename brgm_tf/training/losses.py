"""Terms of the losses of generator and discriminator.

Notation: logits [B] or [B, N] of the discriminator D, above zero for real; images x
[B, H, W, C]; latents ws [B, L, D].

Reference: Goodfellow et al., Generative Adversarial Nets (arXiv 1406.2661), section 3, for
the non-saturating loss; Lim and Ye, Geometric GAN (arXiv 1705.02894), for the hinge loss;
Mescheder et al., Which Training Methods for GANs do actually Converge? (arXiv 1801.04406),
equation 9, for R1; Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), section 3.2, for the path length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from brgm_tf.training import backend

_PATH_DECAY = 0.01


def generator_loss(fake_logits: Any) -> Any:
    """Returns the non-saturating loss of the generator: mean of softplus(-D(G(z)))."""
    return ops.mean(ops.softplus(-fake_logits))


def discriminator_loss(real_logits: Any, fake_logits: Any) -> Any:
    """Returns the logistic loss of D: mean softplus(-D(x)) + mean softplus(D(G(z)))."""
    return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


def hinge_generator_loss(fake_logits: Any) -> Any:
    """Returns the hinge loss of the generator: mean of -D(G(z)) over images and positions."""
    return -ops.mean(fake_logits)


def hinge_discriminator_loss(real_logits: Any, fake_logits: Any) -> Any:
    """Returns the hinge loss of D: mean max(0, 1 - D(x)) + mean max(0, 1 + D(G(z))).

    Example:
        >>> real, fake = ops.convert_to_tensor([2.0, 0.0]), ops.convert_to_tensor([-2.0, 1.0])
        >>> float(hinge_discriminator_loss(real, fake))
        1.5
    """
    return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))


class Losses(NamedTuple):
    """Losses of both networks, as functions of the logits."""

    generator: Callable
    discriminator: Callable


# Losses by the name of the discriminator.
LOSSES = {
    "stylegan2": Losses(generator_loss, discriminator_loss),
    "projected": Losses(hinge_generator_loss, hinge_discriminator_loss),
}


def r1_penalty(discriminate: Callable, images: Any) -> Any:
    """Returns the squared gradient of the discriminator at real images.

        R1 = mean over b of || d sum_b D(x_b) / d x_b ||^2

    The loss is gamma / 2 R1.

    Args:
        discriminate: Function from images to logits [B].
        images: Real images [B, H, W, C].
    """
    slope = backend.gradient(lambda x: ops.sum(discriminate(x)), images)
    return ops.mean(ops.sum(ops.square(slope), axis=(1, 2, 3)))


def path_lengths(synthesise: Callable, ws: Any, *, noise: Any) -> Any:
    """Returns the lengths of the image gradients in the latents, along a random direction.

        a_b = sqrt( mean over l of || d <G(ws), y> / d ws_bl ||^2 ),   y = noise / sqrt(H W)

    Args:
        synthesise: Function from ws to images.
        ws: Latents [B, L, D].
        noise: Standard normal numbers in the shape of the images.

    Returns:
        Lengths [B].
    """
    scale = 1.0 / float(noise.shape[1] * noise.shape[2]) ** 0.5
    slope = backend.gradient(lambda ws: ops.sum(synthesise(ws) * noise) * scale, ws)
    return ops.sqrt(ops.mean(ops.sum(ops.square(slope), axis=2), axis=1) + 1e-12)


def path_penalty(lengths: Any, mean: Any) -> tuple[Any, Any]:
    """Returns the squared distance of path lengths from their running mean, and the new mean.

        mean' = mean + 0.01 (mean of a - mean),   penalty = mean of (a - mean')^2

    Args:
        lengths: Path lengths [B].
        mean: Running mean.

    Returns:
        (penalty, mean'), without a gradient in the mean.
    """
    mean = ops.stop_gradient(mean + _PATH_DECAY * (ops.mean(lengths) - mean))
    return ops.mean(ops.square(lengths - mean)), mean
