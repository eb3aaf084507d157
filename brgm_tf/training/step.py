"""A step of the training as a pure function of the state.

Notation: g the gradient of a loss, s Adam's second moment, n the number of updates. Adam
has beta1 = 0 and no first moment.

    s = b2 s + (1 - b2) g^2,   v = v - lr g / (sqrt(s / (1 - b2^n)) + eps)

A regulariser with an interval of k steps has a separate update, with its loss times k. In all
updates of its network, lr and b2 then become lr k / (k + 1) and b2^(k / (k + 1)). The
discriminator learns from the images of the same step, from before the generator's update. The
logits of images x are D(D.project(aug(x))), and D.project has no trained weights.

Reference: Karras et al., Analyzing and Improving the Image Quality of StyleGAN
(arXiv 1912.04958), sections 3.1, 3.2 and appendix B; Kingma, Ba, Adam (arXiv 1412.6980).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from brgm_tf.core.units import GREY_LEVELS_PER_UNIT
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.ops.upfirdn2d import depthwise_filters
from brgm_tf.training import augment, backend, losses
from brgm_tf.training import state as states
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.discriminator import Discriminator
from brgm_tf.training.projected_discriminator import ProjectedDiscriminator

_BETA2, _EPSILON = 0.99, 1e-8
_W_AVG_DECAY = 0.998
# Number of steps between two adjustments of the augmentation.
ADA_INTERVAL = 4


class Networks(NamedTuple):
    """The networks of a training."""

    generator: StyleGAN2
    discriminator: Discriminator | ProjectedDiscriminator


def build(config: TrainingConfig, *, features: Callable | None = None) -> Networks:
    """Returns the two networks of a configuration, with initial weights.

    Args:
        config: Configuration of the training.
        features: Function from images to fixed features for `ProjectedDiscriminator`; None with
            another discriminator.
    """
    return Networks(build_generator(config), _discriminator(config, features))


def build_generator(config: TrainingConfig) -> StyleGAN2:
    """Returns the generator of a configuration, with initial weights."""
    return StyleGAN2(
        config.resolution,
        z_dim=config.z_dim,
        w_dim=config.w_dim,
        mapping_depth=config.mapping_depth,
        seed=config.seed,
        **_shared(config),
    )


def _discriminator(config, features):
    seed = config.seed + 1
    if config.discriminator == "stylegan2":
        return Discriminator(config.resolution, seed=seed, **_shared(config))
    return ProjectedDiscriminator(
        features,
        resolution=config.resolution,
        channels=config.channels,
        seed=seed,
        dtype=config.dtype,
    )


def _shared(config) -> dict[str, Any]:
    return {
        "channels": config.channels,
        "channel_base": config.channel_base,
        "channel_max": config.channel_max,
        "dtype": config.dtype,
    }


def draw(config: TrainingConfig, step: int, *, path: bool) -> dict:
    """Draws the random numbers of a step, which depend on (seed, step) alone."""
    rng = np.random.default_rng((config.seed, 0, step))
    batch, size = config.batch_size, config.resolution
    mixed = rng.random(batch) < config.style_mixing
    cutoff = np.where(mixed, rng.integers(1, config.num_ws, batch), config.num_ws)
    data = {
        "z": rng.standard_normal((2, batch, config.z_dim), "float32"),
        "cutoff": cutoff.astype("int32"),
        "noise_seed": rng.integers(0, 2**31 - 1, 2, "int32"),
        "augment_g": augment.draw(rng, batch),
        "augment_real": augment.draw(rng, batch),
        "augment_fake": augment.draw(rng, batch),
    }
    if path:
        data["path_z"] = rng.standard_normal((batch // 2, config.z_dim), "float32")
        data["path_seed"] = rng.integers(0, 2**31 - 1, 2, "int32")
        shape = (batch // 2, size, size, config.channels)
        data["path_noise"] = rng.standard_normal(shape, "float32")
    return data


class Step:
    """The compiled step.

    Args:
        networks: Networks from `build`; their weights are ignored.
        config: Configuration of the training.
        jit: Whether XLA compiles the step.
    """

    def __init__(self, networks: Networks, config: TrainingConfig, *, jit: bool):
        self._generator, self._discriminator = networks
        self._config = config
        self._losses = losses.LOSSES[config.discriminator]
        self._trainable = {
            "generator": states.trainable_names(networks.generator),
            "discriminator": states.trainable_names(networks.discriminator),
        }
        # Depthwise filters are faster without XLA.
        self._filters = contextlib.nullcontext if jit else depthwise_filters
        self._run = backend.compiled(self._step, jit=jit)

    def __call__(self, state: dict, images: np.ndarray, *, step: int) -> dict:
        """Returns the state after a step.

        Args:
            state: Tensors of `state.initial`.
            images: Real images, uint8 [B, H, W, C].
            step: Number of past steps. The state has the number, but reading it would wait.
        """
        config = self._config
        r1 = config.gamma > 0 and step % config.r1_interval == 0
        path = config.path_weight > 0 and step % config.path_interval == 0
        data = {"images": images, **draw(config, step, path=path)}
        return self._run(
            state, keras.tree.map_structure(ops.convert_to_tensor, data), r1=r1, path=path
        )

    def _step(self, state, data, *, r1: bool, path: bool):
        with self._filters():
            return self._advance(dict(state), data, r1=r1, path=path)

    def _advance(self, state, data, *, r1: bool, path: bool):
        real = ops.cast(data["images"], "float32") / GREY_LEVELS_PER_UNIT - 1.0
        fake, fake_projected = self._update_generator(state, data)
        if path:
            self._update_path(state, data)
        if not self._discriminator.shares_projections:
            fake_projected = self._project(state, fake, data["augment_fake"])
        real_projected = self._project(state, real, data["augment_real"])
        self._update_discriminator(state, real=real_projected, fake=fake_projected)
        if r1:
            self._update_r1(state, data, real=real)
        self._average(state)
        self._steer(state)
        state["step"] = state["step"] + 1
        return {key: state[key] for key in sorted(state)}

    def _update_generator(self, state, data):
        """Updates the generator; returns its images from before the update, and projections."""

        def loss(weights):
            with states.bound(self._generator, weights):
                w = self._generator.mapping(data["z"][0])
                ws = self._mixed(w, self._generator.mapping(data["z"][1]), data["cutoff"])
                fake = self._generator.synthesis(ws, noise_mode="random", seed=data["noise_seed"])
            projected = self._project(state, fake, data["augment_g"])
            with self._judging(state):
                logits = self._discriminator(projected)
            return self._losses.generator(logits), (fake, projected, ops.mean(w, axis=0))

        value, (fake, projected, mean) = self._descend(state, "generator", loss)
        average = state["generator/w_avg"]
        state["generator/w_avg"] = mean + _W_AVG_DECAY * (average - mean)
        _count(state, "loss_g", value)
        return keras.tree.map_structure(ops.stop_gradient, (fake, projected))

    def _update_path(self, state, data):
        config = self._config

        def loss(weights):
            with states.bound(self._generator, weights):
                w = self._generator.mapping(data["path_z"])
                ws = ops.repeat(w[:, None], self._generator.num_ws, axis=1)
                lengths = losses.path_lengths(
                    lambda ws: self._generator.synthesis(
                        ws, noise_mode="random", seed=data["path_seed"]
                    ),
                    ws,
                    noise=data["path_noise"],
                )
            penalty, mean = losses.path_penalty(lengths, state["path/mean"])
            value = config.path_weight * config.path_interval * penalty
            return value, (penalty, mean, ops.mean(lengths))

        _, (penalty, mean, length) = self._descend(
            state, "generator", loss, interval=config.path_interval
        )
        state["path/mean"] = mean
        _count(state, "path_penalty", penalty)
        _count(state, "path_length", length)

    def _update_discriminator(self, state, *, real, fake):
        """Updates the discriminator by projections of real and generated images."""

        def loss(weights):
            with states.bound(self._discriminator, weights):
                real_logits, fake_logits = self._discriminator(real), self._discriminator(fake)
            sign = ops.mean(ops.sign(real_logits))
            return self._losses.discriminator(real_logits, fake_logits), sign

        value, sign = self._descend(state, "discriminator", loss)
        state["ada/sign"] = state["ada/sign"] + sign
        _count(state, "loss_d", value)
        _count(state, "sign", sign)

    def _update_r1(self, state, data, *, real):
        config = self._config
        # The gradient is taken at the input of the discriminator, after the augmentation.
        seen = self._augment(state, real, data["augment_real"])

        def loss(weights):
            with states.bound(self._discriminator, weights):
                penalty = losses.r1_penalty(self._discriminator, seen)
            return config.gamma / 2 * config.r1_interval * penalty, penalty

        _, penalty = self._descend(state, "discriminator", loss, interval=config.r1_interval)
        _count(state, "r1", penalty)

    def _descend(self, state, name, loss, *, interval: int = 0):
        """Updates a network by the gradient of a loss; returns the value and the auxiliary."""
        config = self._config
        weights = states.part(state, name)
        trained = {key: weights.pop(key) for key in sorted(self._trainable[name])}
        (value, auxiliary), gradients = backend.value_and_gradient(
            lambda trained: loss({**weights, **trained}), trained
        )
        fraction = self._update_fraction(name)
        updates = state[f"updates/{name}"] + 1
        beta = _BETA2**fraction
        correction = 1.0 - beta ** ops.cast(updates, "float32")
        for key, gradient in gradients.items():
            square = state[f"square/{name}/{key}"]
            square = beta * square + (1.0 - beta) * ops.square(gradient)
            step = gradient / (ops.sqrt(square / correction) + _EPSILON)
            state[f"square/{name}/{key}"] = square
            state[f"{name}/{key}"] = trained[key] - config.learning_rate * fraction * step
        state[f"updates/{name}"] = updates
        return value, auxiliary

    def _update_fraction(self, name) -> float:
        """Returns k / (k + 1) if a regulariser adds an update every k steps, else 1."""
        config = self._config
        if name == "generator":
            weight, interval = config.path_weight, config.path_interval
        else:
            weight, interval = config.gamma, config.r1_interval
        return interval / (interval + 1) if weight > 0 else 1.0

    def _mixed(self, first, second, cutoff):
        """Returns [B, L, D]: the first latent in layers below the cutoff, then the second."""
        below = ops.arange(self._generator.num_ws)[None, :] < cutoff[:, None]
        return ops.where(below[..., None], first[:, None], second[:, None])

    def _project(self, state, images, draws):
        with self._judging(state):
            return self._discriminator.project(self._augment(state, images, draws))

    def _judging(self, state):
        return states.bound(self._discriminator, states.part(state, "discriminator"))

    def _augment(self, state, images, draws):
        config = self._config
        if not config.augments:
            return images
        return augment.augment(
            images, draws, strength=state["ada/strength"], names=config.augmentations
        )

    def _average(self, state):
        """Updates the average of the generator: e' = v + (e - v) 2^(-batch / half-life)."""
        config = self._config
        seen = ops.cast(state["step"] * config.batch_size, "float32")
        half_life = ops.minimum(config.ema_kimg * 1000.0, seen * config.ema_rampup)
        beta = ops.power(0.5, config.batch_size / ops.maximum(half_life, 1e-8))
        for key, average in states.part(state, "ema").items():
            value = state[f"generator/{key}"]
            state[f"ema/{key}"] = value + (average - value) * beta

    def _steer(self, state):
        config = self._config
        if not config.augments or not config.ada:
            return
        due = ops.equal((state["step"] + 1) % ADA_INTERVAL, 0)
        strength = augment.steer(
            state["ada/strength"],
            state["ada/sign"] / ADA_INTERVAL,
            target=config.ada_target,
            images=config.batch_size * ADA_INTERVAL,
            kimg=config.ada_kimg,
        )
        state["ada/strength"] = ops.where(due, strength, state["ada/strength"])
        state["ada/sign"] = ops.where(due, ops.zeros_like(state["ada/sign"]), state["ada/sign"])


def _count(state, name, value):
    """Adds a value to the sum of a scalar."""
    state[f"sum/{name}"] = state[f"sum/{name}"] + value
    state[f"count/{name}"] = state[f"count/{name}"] + 1.0
