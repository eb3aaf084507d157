"""Every estimator infers every kind of measurement, in grey and in colour."""

import numpy as np
import pytest
from smooth_generator import generated, smooth_generator
from unseeing import Unseeing

import brgm_tf
from brgm_tf.corruptions import parsing
from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.posterior.objectives import objective
from brgm_tf.posterior.posterior import Posterior

SIZE, STEPS = 8, 12
# Number of channels of the generator for each corruption.
CORRUPTIONS = {
    "mask()": 1,
    "downsample(factor=4)": 3,
    "downsample(factor=4) + poisson(peak=50)": 3,
    "downsample(factor=4) + salt_and_pepper(fraction=0.1)": 3,
    "kspace(acceleration=2)": 1,
}
# All estimators infer a grey and a colour measurement, with a known and an inferred noise scale.
# For the other corruptions only VI runs, because it uses most properties of a corruption.
CASES = [
    (estimator, corruption)
    for corruption in CORRUPTIONS
    for estimator in ESTIMATORS
    if estimator == "vi" or corruption in ("mask()", "downsample(factor=4) + poisson(peak=50)")
]


def missing_centre():
    missing = np.zeros([SIZE, SIZE, 1], bool)
    missing[2:6, 2:6] = True
    return missing


@pytest.mark.parametrize(("estimator", "corruption"), CASES)
def test_an_estimator_infers_a_batch(estimator, corruption):
    channels, row = CORRUPTIONS[corruption], ESTIMATORS.row(estimator)
    scales = objective(row.objective, perceptual_scale=0.0)
    posterior = Posterior(
        smooth_generator(SIZE, channels=channels),
        parsing.parse(corruption).create(),
        objective=scales,
    )
    data = {}
    if posterior.corruption.data_names:
        data = {"missing": np.stack([missing_centre()] * 2)}
    seeds = np.array([[0, 1], [0, 2]], np.int32)
    y = posterior.corruption.with_data(**data).sample(generated(SIZE, 2, channels=channels), seeds)
    options = {"surrogate_rank": 4} if "surrogate_rank" in row.options else {}
    program = row.load()(num_steps=STEPS, jit=False, **options).bind(posterior)
    chunks = list(program.run(y, data=data))
    last = chunks[-1]
    assert last.step == STEPS
    for name in last.history:
        assert sum(len(chunk.history[name]) for chunk in chunks) == STEPS
    assert np.isfinite(posterior.latents(last.position)).all()
    assert (last.approximation is not None) == row.samples
    if row.samples:
        samples = program.draw(last.approximation, num_samples=3, seed=0)
        assert samples.shape == (3, *last.position.shape)
        assert np.isfinite(samples).all()
        assert np.std(samples, axis=0).max() > 0
        diagnostics = program.diagnostics(last.approximation)
        assert all(values.shape == (2,) for values in diagnostics.values())


def restored(estimator):
    return brgm_tf.restore(
        generated(SIZE, 2, channels=1),
        corruption="mask()",
        masks=missing_centre(),
        generator=smooth_generator(SIZE, channels=1),
        estimator=estimator,
        overrides={"perceptual_scale": 0.0},
        perceptual=Unseeing(),
        num_steps=STEPS,
        num_samples=2,
        batch_size=2,
    )


@pytest.mark.parametrize("estimator", ["vi_brgm", "hmc"])
def test_a_batch_is_restored_with_samples(estimator):
    result = restored(estimator)
    assert result.failures == ()
    for image in result.images:
        assert np.isfinite(image.samples.images).all()
        assert image.samples.stddev.max() > 0
        # every result states the deviations of the original implementation
        assert any("faults" in warning for warning in image.warnings) == (estimator == "vi_brgm")
        diagnostics = {"r_hat", "effective_samples", "acceptance", "divergences"}
        assert (diagnostics <= set(image.metrics)) == (estimator == "hmc")


def test_estimators_with_equal_options_share_programs():
    posterior = Posterior(
        smooth_generator(SIZE, channels=1), parsing.parse("none").create(), objective="bayes"
    )
    kind = ESTIMATORS.row("map").load()
    assert kind(num_steps=3).bind(posterior) is kind(num_steps=3).bind(posterior)
    assert kind(num_steps=3).bind(posterior) is not kind(num_steps=4).bind(posterior)
