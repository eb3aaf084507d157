"""The mode of the posterior, on models with a known answer."""

import numpy as np
import pytest
import tensorflow as tf
from linear_gaussian import generator_of

from brgm_tf.corruptions.identity import Identity
from brgm_tf.corruptions.masking.mask import Mask
from brgm_tf.estimators.map import MAP
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.posterior import Posterior

L, D, SIZE = 2, 3, 4
RNG = np.random.RandomState(0)
MEAN, ROOT = RNG.randn(D), RNG.randn(D, D)
COVARIANCE = ROOT @ ROOT.T
MATRIX = RNG.randn(L * D, SIZE * SIZE) * 0.3


def linear_posterior(**overrides):
    scales = objective("balanced", perceptual_scale=0.0, effective_sample_size_cap=1e9, **overrides)

    def synthesis(ws):
        return tf.reshape(tf.reshape(ws, [-1, L * D]) @ MATRIX, [-1, SIZE, SIZE, 1])

    moments = {"mean": MEAN, "covariance": COVARIANCE}
    generator = generator_of(synthesis, num_ws=L, size=SIZE, channels=1, **moments)
    return Posterior(generator, Identity(), objective=scales)


def last(progress):
    return list(progress)[-1]


@pytest.fixture(scope="module")
def tiny():
    """Returns a function that makes the posterior of a tiny StyleGAN2 with a mask, in float64."""
    network = StyleGAN2(
        8, z_dim=4, w_dim=4, channel_base=16, channel_max=4, mapping_depth=1, seed=1,
        dtype="float64",
    )  # fmt: skip
    moments = network.latent_statistics(500)
    generator = generator_of(
        lambda ws: tf.cast(network.synthesis(ws), tf.float64),
        mean=moments.mean,
        covariance=moments.covariance,
        num_ws=network.num_ws,
        size=8,
        channels=3,
    )
    scales = objective("balanced", perceptual_scale=0.0, layer_scale=0.3)
    return lambda: Posterior(generator, Mask(), objective=scales)


@pytest.mark.parametrize(("optimizer", "num_steps"), [("lbfgs", 40), ("adam", 1500)])
def test_map_finds_the_mode_of_a_linear_gaussian_model(optimizer, num_steps):
    scale = 40.0  # grey levels
    model = linear_posterior(
        noise_scale=scale, layer_scale=0.5, optimizer=optimizer, learning_rate=0.1, rampdown=0.9
    )
    y = np.random.RandomState(5).randn(2, SIZE, SIZE, 1) * 0.3
    estimator = MAP(num_steps=num_steps, jit=False, dtype=tf.float64)
    progress = last(estimator.fit(model, y))
    root = model.prior.root
    covariance = np.kron(np.ones([L, L]) + 0.25 * np.eye(L), root @ root.T)
    precision = MATRIX @ MATRIX.T / (scale / 127.5) ** 2 + np.linalg.inv(covariance)
    mean = np.tile(MEAN, L)
    for b in range(2):
        residual = y[b].ravel() - mean @ MATRIX
        mode = mean + np.linalg.solve(precision, MATRIX @ residual / (scale / 127.5) ** 2)
        ws = model.latents(progress.position)[b].numpy().ravel()
        np.testing.assert_allclose(ws, mode, atol=1e-3)


def test_a_batch_equals_single_images_to_1e8_in_float64(tiny):
    rng = np.random.RandomState(3)
    y = rng.uniform(-1, 1, [3, 8, 8, 3])
    missing = rng.rand(3, 8, 8, 1) < 0.3
    posterior = tiny()
    estimator = MAP(num_steps=20, num_restarts=2, dtype=tf.float64)
    batch = last(estimator.fit(posterior, y, data={"missing": missing})).position.numpy()
    for b in range(3):
        one = slice(b, b + 1)
        single = last(estimator.fit(posterior, y[one], data={"missing": missing[one]}))
        np.testing.assert_allclose(batch[one], single.position, atol=1e-8)


def test_the_best_of_several_restarts_is_returned():
    # The image has a maximum on either side of the mean. From the mean the gradient leads to the
    # lower one. For the first measurement both maxima are equally high.
    scales = objective("balanced", perceptual_scale=0.0, noise_scale=20.0, layer_scale=0.1)
    generator = generator_of(
        lambda ws: -tf.cos(3.0 * ws[:, :1, None]) * (1.0 + 0.3 * ws[:, :1, None]),
        mean=np.array([-0.2]),
        covariance=np.eye(1),
        num_ws=L,
        size=1,
        channels=1,
    )
    model = Posterior(generator, Identity(), objective=scales)
    y = np.reshape([1.3, -1.0], [2, 1, 1, 1])

    def fit(**options):
        return list(MAP(num_steps=60, dtype=tf.float64, jit=False, **options).fit(model, y))

    single, several = fit()[-1], fit(num_restarts=8)
    best = several[-1].terms.numpy().sum(axis=0)
    assert (best >= single.terms.numpy().sum(axis=0)).all()
    assert best[0] > single.terms.numpy().sum(axis=0)[0] + 1
    totals = np.concatenate([sum(chunk.history.values()) for chunk in several])
    assert np.diff(totals, axis=0).min() >= 0
    np.testing.assert_allclose(totals[-1], best, rtol=1e-12)


@pytest.mark.parametrize("num_uncompiled_steps", [0, 2])
def test_images_of_the_same_shape_share_a_program(tiny, num_uncompiled_steps):
    posterior = tiny()
    for seed in range(3):
        # Estimators with equal options share a program.
        estimator = MAP(num_steps=4, num_uncompiled_steps=num_uncompiled_steps, dtype=tf.float64)
        rng = np.random.RandomState(seed)
        y = rng.uniform(-1, 1, [1, 8, 8, 3])
        last(estimator.fit(posterior, y, data={"missing": rng.rand(1, 8, 8, 1) < 0.3}))
    assert estimator.bind(posterior).optimizer.num_traces == 1


def test_the_same_run_twice_gives_the_same_bytes(tiny):
    y = np.random.RandomState(0).uniform(-1, 1, [1, 8, 8, 3])
    data = {"missing": np.zeros([1, 8, 8, 1], bool)}
    estimator = MAP(num_steps=5, dtype=tf.float64)
    first, second = (last(estimator.fit(tiny(), y, data=data)).position for _ in range(2))
    assert first.numpy().tobytes() == second.numpy().tobytes()
