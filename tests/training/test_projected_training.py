"""Training with the projected discriminator on tiny features: resuming, starting, learning."""

import dataclasses

import numpy as np
import pytest
from shared_steps import shared
from tiny_features import tiny_features

from brgm_tf.core.errors import InputError
from brgm_tf.training import state as states
from brgm_tf.training import trainer as trainer_module
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.export import export
from brgm_tf.training.trainer import Plan, Trainer

TINY = TrainingConfig(
    discriminator="projected",
    resolution=8,
    channels=1,
    z_dim=4,
    w_dim=4,
    channel_base=128,
    channel_max=16,
    mapping_depth=1,
    batch_size=8,
    style_mixing=0.0,
    learning_rate=0.01,
    ema_kimg=0.5,
    augmentations=("brightness", "cutout"),
    ada_start=0.2,
)
IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), "uint8")


@pytest.fixture(autouse=True, scope="module")
def share_compiled_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module, "Step", shared)
        yield


def trainer(folder, *, config=TINY, steps=4, images=IMAGES, **options):
    plan = Plan(total_kimg=steps * config.batch_size / 1000, tick_kimg=1.0)
    return Trainer(config, plan, images=images, folder=folder, features=tiny_features, **options)


def trained(folder):
    training = trainer(folder)
    assert training.run()
    return states.to_arrays(training.state)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, trained(folder)


def test_a_stopped_run_resumes_bit_for_bit(uninterrupted, tmp_path):
    stopped = trainer(tmp_path)
    stopped._one_step()
    stopped.stop()
    assert not stopped.run()
    _, whole = uninterrupted
    resumed = trained(tmp_path)
    assert [key for key in whole if not np.array_equal(whole[key], resumed[key])] == []


def test_every_weight_of_both_networks_is_trained(uninterrupted, tmp_path):
    _, last = uninterrupted
    first = states.to_arrays(trainer(tmp_path).state)
    still = {key for key in first if np.array_equal(first[key], last[key])}
    assert {key for key in still if key.startswith("discriminator/")} == {
        f"discriminator/{name}{level}" for name in ("mean", "deviation") for level in (0, 1)
    }
    still = {key for key in still if key.startswith("generator/")}
    assert {key.split("/")[-1] for key in still} <= {"noise_const"}
    assert all(np.isfinite(value).all() for value in last.values())


def test_another_discriminator_or_seed_is_refused_when_a_run_resumes(uninterrupted):
    folder, _ = uninterrupted
    with pytest.raises(InputError, match="`seed` must be 0, as in the training"):
        trainer(folder, config=dataclasses.replace(TINY, seed=1))
    stylegan2 = dataclasses.replace(TINY, discriminator="stylegan2", feature_size=None)
    with pytest.raises(InputError, match="`discriminator` must be projected, as in the training"):
        trainer(folder, config=stylegan2)


def test_a_training_starts_from_the_generator_alone_if_the_discriminator_differs(
    uninterrupted, tmp_path
):
    _, state = uninterrupted
    export(tmp_path / "projected", state, TINY)
    for seed, copies in ((0, True), (1, False)):
        config = dataclasses.replace(TINY, seed=seed)
        started = trainer(tmp_path / f"{seed}", config=config, start=tmp_path / "projected")
        first = states.to_arrays(started.state)
        name = "discriminator/head0/down0/weight"
        assert np.array_equal(first[name], state[name]) == copies
        name = "synthesis/b8/conv0/weight"
        np.testing.assert_array_equal(first[f"generator/{name}"], state[f"ema/{name}"])


def test_a_constant_strength_is_not_taken_from_another_training(uninterrupted, tmp_path):
    export(tmp_path / "other", uninterrupted[1], TINY)
    config = dataclasses.replace(TINY, ada_start=0.7)
    started = trainer(tmp_path / "run", config=config, start=tmp_path / "other")
    assert float(started.state["ada/strength"]) == pytest.approx(0.7)


def test_training_learns_both_modes_of_a_toy_set(tmp_path):
    """Half of the images are bright on the left and dark on the right, the others the reverse."""
    left = np.zeros((8, 8, 1), "uint8") + 40
    left[:, :4] = 215
    images = np.stack([left, left[:, ::-1]] * 16)
    training = trainer(tmp_path, images=images, steps=100)
    training.run()
    generated = training.sample(64)
    modes = images[:2] / np.float32(127.5) - 1
    errors = np.abs(generated[:, None] - modes).mean(axis=(2, 3, 4))
    assert errors.min(axis=1).mean() < 0.5  # 0.7 for grey images, 0.2 after 600 steps
    assert 0.2 < (errors[:, 0] < errors[:, 1]).mean() < 0.8
