"""The projected discriminator: fixed projection, spectral norm, heads, precision."""

import keras
import numpy as np
import pytest
from keras import ops
from tiny_features import DEPTHS, tiny_features

from brgm_tf.training import backend
from brgm_tf.training.projected_discriminator import (
    ProjectedDiscriminator,
    Projection,
    SpectralConvolution,
    spectral_norm,
)
from brgm_tf.training.state import trainable_names, weights_of


def pictures(count=4, size=16):
    return np.random.default_rng(0).standard_normal((count, size, size, 1)).astype("float32")


def build(**options):
    options = {"resolution": 16, "channels": 1, "width": 4, "max_channels": 6, **options}
    return ProjectedDiscriminator(tiny_features, **options)


def arrays(tensors):
    return [np.asarray(ops.cast(x, "float32")) for x in tensors]


def features_of_ones():
    return [np.ones((1, 4, 4, DEPTHS[0]), "float32"), np.ones((1, 2, 2, DEPTHS[1]), "float32")]


def test_projections_and_logits_have_their_shapes():
    model = build()
    projections = model.project(pictures())
    assert [tuple(p.shape) for p in projections] == [(4, 16, 16, 4), (4, 8, 8, 8)]
    # Both heads end with 5 x 5 logits, from features of 8 x 8.
    assert model(projections).shape == (4, 50)
    weights = {path: tuple(weight.shape) for path, weight in weights_of(model).items()}
    assert weights["head0/down0/weight"] == (4, 4, 4, 6)
    assert weights["head1/down0/weight"] == (3, 3, 8, 6)
    assert weights["head1/logits/weight"] == (4, 4, 6, 1)


def test_the_heads_alone_are_trained_and_the_projection_has_no_variables():
    model = build()
    assert {path.split("/")[0] for path in trainable_names(model)} == {"head0", "head1"}
    assert set(weights_of(model)) - trainable_names(model) == {
        *("mean0", "mean1"),
        *("deviation0", "deviation1"),
    }


def test_the_projection_depends_on_the_seed_alone():
    first, same, other = (
        arrays(Projection(DEPTHS, width=2, seed=seed)(features_of_ones())) for seed in (1, 1, 2)
    )
    for a, b, c in zip(first, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.all(a != c)


def test_deep_features_reach_all_projections_and_details_reach_the_first_alone():
    projection = Projection(DEPTHS, width=2, seed=0)
    before = arrays(projection(features_of_ones()))
    for changed, expected in ((0, [True, False]), (1, [True, True])):
        features = features_of_ones()
        features[changed] *= 2
        after = arrays(projection(features))
        assert [bool(np.all(a != b)) for a, b in zip(after, before, strict=True)] == expected


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (7, 1)])
def test_the_spectral_norm_is_the_largest_singular_value_with_its_gradient(shape):
    matrix = np.random.default_rng(0).standard_normal(shape)
    left, values, right = np.linalg.svd(matrix)
    tensor = ops.convert_to_tensor(matrix)
    assert float(spectral_norm(tensor)) == pytest.approx(values[0], rel=1e-3)
    gradient = np.asarray(backend.gradient(spectral_norm, tensor))
    np.testing.assert_allclose(gradient, np.outer(left[:, 0], right[0]), atol=0.03)


def test_a_spectral_convolution_divides_by_the_norm_of_its_matrix():
    options = {"rng": np.random.default_rng(0), "name": "conv", "dtype": "float32"}
    layer = SpectralConvolution(3, 2, kernel=4, padding="valid", is_linear=True, **options)
    x = np.random.default_rng(1).standard_normal((5, 4, 4, 3)).astype("float32")
    matrix = np.asarray(layer.weight).reshape(-1, 2)
    expected = x.reshape(5, -1) @ matrix / np.linalg.norm(matrix, ord=2)
    np.testing.assert_allclose(np.asarray(layer(x))[:, 0, 0], expected, rtol=1e-3, atol=1e-4)


def test_projections_of_the_real_images_are_standardised():
    model = build()
    images = pictures(40) * 0.3 + 0.2
    model.calibrate(images)
    for projection in arrays(model.project(images)):
        np.testing.assert_allclose(projection.mean(axis=(0, 1, 2)), 0, atol=1e-4)
        np.testing.assert_allclose(projection.std(axis=(0, 1, 2)), 1, atol=1e-2)


def test_every_head_has_a_gradient_in_the_images():
    model = build()
    for part in (slice(0, 25), slice(25, 50)):
        gradient = backend.gradient(
            lambda x, part=part: ops.sum(ops.square(model(model.project(x))[:, part])),
            ops.convert_to_tensor(pictures()),
        )
        assert np.all(np.abs(np.asarray(gradient)).max(axis=(1, 2, 3)) > 0)


def test_low_precision_has_weights_and_logits_in_float32():
    exact, model = build(dtype="float32"), build(dtype="mixed_bfloat16")
    projections = model.project(pictures())
    assert keras.backend.standardize_dtype(projections[0].dtype) == "bfloat16"
    logits = model(projections)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    np.testing.assert_allclose(logits, exact(exact.project(pictures())), atol=0.15)
