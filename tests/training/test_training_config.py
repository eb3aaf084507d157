"""Derived values of a training configuration, and refused values."""

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.training.config import TrainingConfig
from brgm_tf.training.step import build


def test_the_weight_of_r1_follows_the_heuristic_by_default():
    assert TrainingConfig(resolution=64, batch_size=32).gamma == pytest.approx(0.0256)
    assert TrainingConfig(r1_gamma=3.0).gamma == 3.0


@pytest.mark.parametrize("resolution", [8, 32])
def test_the_number_of_latents_equals_the_generators(resolution):
    config = TrainingConfig(resolution=resolution, channel_base=64, channel_max=4, w_dim=4, z_dim=4)
    assert config.num_ws == build(config).generator.num_ws


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resolution", 2048),
        ("channels", 2),
        ("batch_size", 0),
        ("channel_base", 100),
        ("dtype", "float16"),
        ("augmentations", ("spin",)),
        ("z_dim", 0),
        ("path_interval", 0),
        ("ema_kimg", -1),
        ("ada_kimg", 0),
        ("r1_gamma", -1.0),
        ("learning_rate", float("nan")),
        ("style_mixing", 1.5),
        ("ada_target", 2.0),
        ("discriminator", "vgg"),
        ("feature_size", 64),
    ],
)
def test_a_value_out_of_range_is_named(name, value):
    with pytest.raises(InputError, match=f"`{name}` must be"):
        TrainingConfig(**{name: value})


def test_the_discriminator_chooses_the_settings_that_are_not_given():
    stylegan2 = TrainingConfig()
    assert (stylegan2.path_weight, stylegan2.learning_rate, stylegan2.ada) == (2.0, 0.0025, True)
    projected = TrainingConfig(discriminator="projected")
    assert (projected.path_weight, projected.gamma, projected.ada) == (0.0, 0.0, False)
    assert (projected.learning_rate, projected.ada_start) == (0.002, 1.0)
    assert "xflip" not in projected.augmentations
    given = TrainingConfig(discriminator="projected", path_weight=1.0, augmentations=())
    assert (given.path_weight, given.augmentations) == (1.0, ())


@pytest.mark.parametrize(("resolution", "size"), [(16, 64), (128, 128), (1024, 256)])
def test_vgg16_sees_images_of_64_to_256_pixels(resolution, size):
    config = TrainingConfig(resolution=resolution, discriminator="projected")
    assert config.feature_size == size


@pytest.mark.parametrize(("name", "value"), [("feature_size", 100), ("r1_gamma", 1.0)])
def test_a_value_that_the_projected_discriminator_cannot_use_is_named(name, value):
    with pytest.raises(InputError, match=f"`{name}` must be"):
        TrainingConfig(discriminator="projected", **{name: value})
