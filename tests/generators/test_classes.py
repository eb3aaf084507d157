"""Classes of conditional generators: their indices and names, and generators of one class."""

import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.corruptions.identity import Identity
from brgm_tf.generators.classes import ClassGenerator, class_index, of_class
from brgm_tf.generators.loading import describe_generator, load_generator
from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.saved_model import export
from brgm_tf.generators.stylegan2 import StyleGAN2
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.model import load_model
from brgm_tf.pipeline.preparation import prepare
from brgm_tf.posterior.posterior import Posterior

SIZES = {"channel_base": 64, "channel_max": 8, "w_dim": 8, "z_dim": 8, "mapping_depth": 2}
NAMES = ("cat", "dog", "horse")


@pytest.fixture(scope="module")
def conditional():
    """Returns a generator with three classes."""
    return StyleGAN2(8, channels=1, seed=1, c_dim=3, **SIZES)


@pytest.fixture(scope="module")
def preset(conditional, tmp_path_factory):
    """Returns a folder with the generator and the names of its classes."""
    folder = tmp_path_factory.mktemp("net")
    return save_preset(conditional, folder, about={"class_names": list(NAMES)})


@pytest.mark.parametrize(("label", "index"), [(1, 1), ("1", 1), ("dog", 1), ("cat", 0)])
def test_a_class_is_an_index_or_a_name(label, index):
    assert class_index(label, num_classes=3, names=NAMES) == index


@pytest.mark.parametrize("label", [3, -1, "3", "bird", "", True, 1.0])
def test_the_error_for_an_unknown_class_lists_all_names(label):
    with pytest.raises(InputError, match="from 0 to 2, or one of cat, dog, horse"):
        class_index(label, num_classes=3, names=NAMES)


def test_a_generator_without_classes_takes_no_class():
    assert class_index(None, num_classes=0) is None
    with pytest.raises(InputError, match="`class` must not be given"):
        class_index(0, num_classes=0)


def test_a_generator_of_one_class_uses_its_label(conditional):
    z = np.random.RandomState(0).randn(4, 8).astype("float32")
    for index in range(3):
        label = np.eye(3, dtype="float32")[index : index + 1]
        of_one = of_class(conditional, index)
        np.testing.assert_array_equal(of_one.mapping(z), conditional.mapping(z, label))
        expected = conditional.latent_statistics(1000, c=label)
        np.testing.assert_array_equal(of_one.latent_statistics(1000).mean, expected.mean)


def test_the_prior_of_a_posterior_has_the_moments_of_the_class(conditional):
    posterior = Posterior(conditional, Identity(), objective="bayes", class_label=2)
    label = np.array([[0.0, 0.0, 1.0]], "float32")
    expected = conditional.latent_statistics(c=label)
    np.testing.assert_array_equal(posterior.prior.mean, expected.mean)
    np.testing.assert_array_equal(posterior.prior.covariance, expected.covariance)
    zeros = conditional.latent_statistics()
    assert np.abs(posterior.prior.mean - zeros.mean).max() > 0.01


def test_a_conditional_generator_requires_a_class(conditional):
    with pytest.raises(InputError, match="`class` must be given, because the generator is cond"):
        Posterior(conditional, Identity(), objective="bayes")


def test_names_of_classes_are_loaded_with_the_preset(preset):
    row = describe_generator(preset)
    assert (row.num_classes, row.class_names) == (3, NAMES)
    assert load_generator(preset).class_names == NAMES
    generator = load_generator(preset, class_label="horse")
    assert isinstance(generator, ClassGenerator)
    assert generator.class_index == 2


def test_a_configuration_selects_the_class(preset):
    config = Config(generator=preset, class_label="dog", overrides={"perceptual_scale": 0.0})
    assert load_model(config).posterior.generator.class_index == 1


@pytest.mark.parametrize("label", [None, "bird"])
def test_a_class_is_checked_before_the_generator_is_loaded(preset, label):
    with pytest.raises(InputError, match="one of cat, dog, horse"):
        prepare(np.zeros((8, 8, 1)), config=Config(generator=preset, class_label=label))


@pytest.mark.parametrize("label", ["", 1.5, True])
def test_a_configuration_refuses_labels_of_other_types(label):
    with pytest.raises(InputError, match="`class_label` must be an index or a name"):
        Config(class_label=label)


def test_a_generator_of_one_class_needs_no_label(conditional):
    generator = of_class(conditional, 1)
    posterior = Posterior(generator, Identity(), objective="bayes")
    assert posterior.generator is generator
    assert describe_generator(generator).num_classes == 0


def test_a_saved_model_of_one_class_has_its_mapping(preset, tmp_path):
    conditional = load_generator(preset)
    with pytest.raises(InputError, match="`class` must be given"):
        export(conditional, tmp_path / "all")
    of_one = of_class(conditional, 1)
    export(of_one, tmp_path / "one")
    z = np.random.RandomState(0).randn(4, 8).astype("float32")
    loaded = load_generator(tmp_path / "one")
    np.testing.assert_allclose(loaded.mapping(z), of_one.mapping(z), atol=1e-6)
