"""Training of tiny networks: learning, reproducibility and resuming."""

import csv
import dataclasses

import numpy as np
import pytest
from shared_steps import shared

from brgm_tf.core.errors import InputError
from brgm_tf.generators.preset import WEIGHTS, load_preset, write_arrays
from brgm_tf.training import state as states
from brgm_tf.training import trainer as trainer_module
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.export import DISCRIMINATOR, export
from brgm_tf.training.trainer import Plan, Trainer

# With regularisers at every step one program is compiled, otherwise more.
TINY = TrainingConfig(
    resolution=8,
    channels=1,
    z_dim=4,
    w_dim=4,
    channel_base=64,
    channel_max=8,
    mapping_depth=1,
    batch_size=8,
    r1_interval=1,
    path_interval=1,
    ada_start=0.3,
    ada_kimg=1.0,
)
# Without regularisers and augmentation, for tests of the loop around the step.
PLAIN = dataclasses.replace(TINY, path_weight=0.0, r1_gamma=0.0, augmentations=(), ema_rampup=1.0)
IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), "uint8")


@pytest.fixture(autouse=True, scope="module")
def share_compiled_steps():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer_module, "Step", shared)
        yield


def trainer(folder, *, config=TINY, steps=6, images=IMAGES, tick=4, **options):
    plan = Plan(
        total_kimg=steps * config.batch_size / 1000, tick_kimg=tick * config.batch_size / 1000
    )
    return Trainer(config, plan, images=images, folder=folder, **options)


def run(folder, **options):
    training = trainer(folder, **options)
    assert training.run()
    return states.to_arrays(training.state)


def different(first, second):
    return [key for key in first if not np.array_equal(first[key], second[key], equal_nan=True)]


def scalars(folder):
    with open(folder / "scalars.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: text for name, text in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, run(folder)


def test_a_stopped_and_killed_run_resumes_bit_for_bit(uninterrupted, tmp_path):
    folder, expected = uninterrupted
    stopped = trainer(tmp_path)
    stopped._one_step()
    stopped.stop()
    assert not stopped.run()
    # The step after the last snapshot is lost, as after kill -9.
    stopped._one_step()
    (tmp_path / "snapshot-000000002.partial").write_bytes(b"half of it")
    assert different(expected, run(tmp_path)) == []
    assert scalars(tmp_path) == scalars(folder)


def test_every_part_changes_and_stays_finite(uninterrupted):
    folder, state = uninterrupted
    first = states.initial(*trainer(folder)._networks, strength=TINY.ada_start)
    assert all(np.isfinite(value).all() for value in state.values())
    still = {key for key in first if np.array_equal(first[key], state[key])}
    # Constant noise is not trained, and the sums were reset when the row was written.
    assert {key.split("/")[-1] for key in still} <= {"noise_const", *states.SCALARS}


def test_a_damaged_snapshot_is_reported_and_the_previous_snapshot_is_loaded(tmp_path):
    whole = trainer(tmp_path, config=PLAIN).save()
    (tmp_path / "snapshot-000000001.npz").write_bytes(whole.read_bytes()[:1000])
    lines = []
    assert trainer(tmp_path, config=PLAIN, notify=lines.append).step == 0
    assert lines[0].startswith("warning: snapshot-000000001.npz is damaged")
    assert lines[1] == "resuming from snapshot-000000000.npz"


def test_other_networks_are_refused_and_other_settings_are_reported(uninterrupted):
    folder, _ = uninterrupted
    with pytest.raises(InputError, match=r"`w_dim` must be 4, as in the training .* w_dim=5"):
        trainer(folder, config=dataclasses.replace(TINY, w_dim=5))
    lines = []
    changed = dataclasses.replace(TINY, learning_rate=0.001)
    trainer(folder, config=changed, images=IMAGES[:5], notify=lines.append)
    assert "warning: learning_rate was 0.0025 and is now 0.001" in lines
    assert "warning: the images differ from the first images of the training" in lines


def test_the_first_steps_follow_adam_and_the_moving_average(tmp_path):
    training = trainer(tmp_path, config=PLAIN)
    history = [states.to_arrays(training.state)]
    for _ in range(2):
        training._one_step()
        history.append(states.to_arrays(training.state))
    first, second, third = (state["generator/synthesis/b8/conv0/weight"] for state in history)
    # Without a first moment, the second moment is 0.01 g^2, and a step is lr g / (|g| + eps).
    slope = np.sqrt(history[1]["square/generator/synthesis/b8/conv0/weight"] / 0.01)
    expected = PLAIN.learning_rate * slope / (slope + 1e-8)
    np.testing.assert_allclose(np.abs(second - first), expected, rtol=1e-3)
    # During the ramp-up the half-life is half of the images seen so far.
    average = history[2]["ema/synthesis/b8/conv0/weight"]
    np.testing.assert_allclose(average, (second + third) / 2, atol=1e-6)


def test_samples_equal_images_of_the_exported_generator(uninterrupted, tmp_path):
    folder, state = uninterrupted
    generator = load_preset(export(tmp_path, state, TINY))
    z = np.random.default_rng((5, 2)).standard_normal((3, TINY.z_dim), "float32")
    generated = trainer(folder).sample(3, seed=5)
    np.testing.assert_allclose(generated, np.asarray(generator(z)), atol=1e-5)


def test_a_training_starts_from_the_networks_of_another(uninterrupted, tmp_path):
    _, state = uninterrupted
    export(tmp_path / "other", state, TINY)
    started = trainer(tmp_path / "run", start=tmp_path / "other")
    first = states.to_arrays(started.state)
    for name, array in first.items():
        kind, _, weight = name.partition("/")
        if kind in ("generator", "ema"):
            np.testing.assert_array_equal(array, state[f"ema/{weight}"])
        if kind == "discriminator" or name in ("path/mean", "ada/strength"):
            np.testing.assert_array_equal(array, state[name])
    assert started.step == 0


def test_a_higher_resolution_reuses_the_blocks_of_a_lower_resolution(uninterrupted, tmp_path):
    _, state = uninterrupted
    export(tmp_path / "other", state, TINY)
    config = dataclasses.replace(TINY, resolution=16, channel_base=128)
    images = np.zeros((8, 16, 16, 1), "uint8")
    started = trainer(tmp_path, config=config, images=images, start=tmp_path / "other")
    first = states.to_arrays(started.state)
    for name in ("synthesis/b8/conv1/weight", "mapping/fc0/weight"):
        np.testing.assert_array_equal(first[f"generator/{name}"], state[f"ema/{name}"])
    name = "discriminator/b8/conv0/weight"
    np.testing.assert_array_equal(first[name], state[name])
    assert "generator/synthesis/b16/conv1/weight" in first


def test_starting_from_incompatible_networks_is_refused(uninterrupted, tmp_path):
    _, state = uninterrupted
    export(tmp_path / "other", state, TINY)
    other = tmp_path / "other"
    (other / DISCRIMINATOR).unlink()
    write_arrays(other / WEIGHTS, {"foreign": np.zeros(3)}, storage="float32")
    with pytest.raises(InputError, match="`start_from` must have weights of these networks"):
        trainer(tmp_path, start=other)


def test_the_best_generator_is_saved(tmp_path):
    class Distance:
        count = 4
        values = iter([3.0, 2.0, 5.0])

        def __call__(self, images):
            assert images.shape == (4, 8, 8, 1)
            return next(self.values)

    training = trainer(tmp_path, config=PLAIN, steps=3, tick=1, distance=Distance())
    training.plan = dataclasses.replace(training.plan, frechet_kimg=0.008)
    training.run()
    assert [row["frechet_vgg16"] for row in scalars(tmp_path)] == ["3", "2", "5"]
    text = (tmp_path / "best" / "config.json").read_text()
    assert '"frechet_vgg16": 2.0' in text


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path):
    training = trainer(tmp_path, config=PLAIN)
    name = "discriminator/b4/out/bias"
    training.state[name] = np.nan * training.state[name]
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        training.run()
    assert states.snapshots(tmp_path) == []


def test_mixed_precision_training_stays_finite(tmp_path):
    config = dataclasses.replace(TINY, dtype="mixed_bfloat16", augmentations=())
    state = run(tmp_path, config=config, steps=2)
    assert {value.dtype.name for value in state.values()} == {"float32", "int32"}
    assert all(np.isfinite(value).all() for value in state.values())


def test_training_learns_both_modes_of_a_toy_set(tmp_path):
    """Half of the images are bright on the left and dark on the right, the others the reverse."""
    left = np.zeros((8, 8, 1), "uint8") + 40
    left[:, :4] = 215
    images = np.stack([left, left[:, ::-1]] * 16)
    config = dataclasses.replace(
        PLAIN,
        channel_base=128,
        channel_max=16,
        r1_gamma=0.3,
        style_mixing=0.0,
        learning_rate=0.01,
        ema_kimg=0.5,
    )
    training = trainer(tmp_path, config=config, images=images, steps=300, tick=100)
    training.run()
    generated = training.sample(64)
    modes = images[:2] / np.float32(127.5) - 1
    errors = np.abs(generated[:, None] - modes).mean(axis=(2, 3, 4))
    assert errors.min(axis=1).mean() < 0.2  # 0.7 for grey images
    assert 0.2 < (errors[:, 0] < errors[:, 1]).mean() < 0.8
