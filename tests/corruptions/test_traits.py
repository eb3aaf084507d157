"""Traits of a corruption are the same from its text and from its object."""

import dataclasses

import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions import parsing
from brgm_tf.corruptions.base import Corruption
from brgm_tf.corruptions.noise import Noise
from brgm_tf.corruptions.traits import create_corruption, traits_of
from brgm_tf.pipeline.config import Config

TEXTS = (
    "none",
    "downsample(factor=4)",
    "downsample(factor=8) + downsample(factor=4) + noise(scale=5)",
    "mask()",
    "blur(sigma=unknown(1, 3)) + noise(scale=unknown)",
    "noise(scale=40)",
    "poisson(peak=8)",
    "salt_and_pepper(fraction=0.1, scale=3)",
    "jpeg(quality=5)",
    "kspace(acceleration=4) + noise(scale=2)",
)


@dataclasses.dataclass(frozen=True)
class Fog(Corruption):
    """A white veil."""

    density: float = 0.5

    def forward(self, x):
        return (1.0 - self.density) * x + self.density


@pytest.mark.parametrize("text", TEXTS)
def test_an_object_has_the_traits_of_its_text(text):
    from_text, from_object = traits_of(text), traits_of(parsing.parse(text).create())
    assert bool(from_text.noise) == bool(from_object.noise)
    assert dataclasses.replace(from_object, noise=from_text.noise) == from_text


def test_a_class_of_the_user_is_a_corruption():
    chain = Fog(0.3) + Noise(5.0)
    config = Config(chain)
    assert config.traits.noise_scale == 5.0
    assert create_corruption(config.corruption) is chain
    assert traits_of(Fog()).noise_scale is None


@pytest.mark.parametrize("value", [5, None, Fog, ["mask()"]])
def test_the_error_names_a_value_that_is_not_a_corruption(value):
    with pytest.raises(InputError, match="`corruption` must be a Corruption, or text such as"):
        Config(value)
