"""The terms of the two losses.

Notation: logits [B] of D, above zero for real; images x [B, H, W, C]; latents ws [B, L, D].

Reference: Goodfellow et al., Generative Adversarial Nets (arXiv 1406.2661), section 3, for
the non-saturating loss; Mescheder et al., Which Training Methods for GANs do actually
Converge? (arXiv 1801.04406), equation 9, for R1; Karras et al., Analyzing and Improving
the Image Quality of StyleGAN (arXiv 1912.04958), section 3.2, for the path length.
"""

from __future__ import annotations

from collections.abc import Callable

from keras import ops

from brgm_tf.training import backend

_PATH_DECAY = 0.01


def generator_loss(fake_logits):
    """Non-saturating loss of the generator: mean of softplus(-D(G(z)))."""
    return ops.mean(ops.softplus(-fake_logits))


def discriminator_loss(real_logits, fake_logits):
    """Logistic loss of the discriminator: mean softplus(-D(x)) + mean softplus(D(G(z)))."""
    return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


def r1_penalty(discriminate: Callable, images):
    """Squared gradient of the discriminator at real images.

        R1 = mean over b of || d sum_b D(x_b) / d x_b ||^2

    The loss is gamma / 2 of it.

    Args:
        discriminate: images -> logits [B].
        images: [B, H, W, C].
    """
    slope = backend.gradient(lambda x: ops.sum(discriminate(x)), images)
    return ops.mean(ops.sum(ops.square(slope), axis=(1, 2, 3)))


def path_lengths(synthesise: Callable, ws, *, noise):
    """How far images move with their latents, along a random direction of image space.

        a_b = sqrt( mean over l of || d <G(ws), y> / d ws_bl ||^2 ),   y = noise / sqrt(H W)

    Args:
        synthesise: ws -> images.
        ws: [B, L, D].
        noise: standard normal, of the shape of the images.

    Returns:
        [B].
    """
    scale = 1.0 / float(noise.shape[1] * noise.shape[2]) ** 0.5
    slope = backend.gradient(lambda ws: ops.sum(synthesise(ws) * noise) * scale, ws)
    return ops.sqrt(ops.mean(ops.sum(ops.square(slope), axis=2), axis=1) + 1e-12)


def path_penalty(lengths, mean):
    """Squared distance of path lengths from their running mean, and the mean brought up to date.

        mean' = mean + 0.01 (mean of a - mean),   penalty = mean of (a - mean')^2

    Args:
        lengths: [B].
        mean: the running mean.

    Returns:
        (penalty, mean'), no gradient in the mean.
    """
    mean = ops.stop_gradient(mean + _PATH_DECAY * (ops.mean(lengths) - mean))
    return ops.mean(ops.square(lengths - mean)), mean
