"""Simulated measurements, with NumPy arrays in and out."""

import numpy as np
import pytest

import brgm_tf as bt
from brgm_tf.core.errors import InputError

X = np.random.default_rng(0).uniform(-1, 1, (3, 8, 12, 3)).astype("float32")
CHAIN = bt.Blur(sigma=0.5) + bt.Downsample(factor=2) + bt.Noise(scale=5.0)


def test_a_batch_is_simulated_image_by_image():
    y = CHAIN.simulate(X, seed=7)
    assert type(y) is np.ndarray
    assert (y.shape, y.dtype) == ((3, 4, 6, 3), np.float32)
    np.testing.assert_array_equal(y, CHAIN.sample(X, [[7, 0], [7, 1], [7, 2]]))
    np.testing.assert_allclose(CHAIN.simulate(X[0], seed=7), y[0], atol=1e-6)
    assert np.abs(CHAIN.simulate(X, seed=8) - y).max() > 0.01


def test_the_dtype_of_the_images_is_preserved():
    for dtype in ("float16", "float32", "float64"):
        assert bt.Gamma(2.0).simulate(X.astype(dtype)).dtype == dtype
    assert bt.KSpace(2).simulate(X[..., :1]).dtype == np.complex64


def test_masks_are_given_by_name_in_any_shape():
    missing = np.zeros((8, 12), bool)
    missing[:, :5] = True
    expected = np.where(missing[None, ..., None], 0.5, X)
    mask = bt.Mask(fill=0.5)
    for shape in ((8, 12), (8, 12, 1), (1, 8, 12, 1)):
        np.testing.assert_array_equal(mask.simulate(X, missing=missing.reshape(shape)), expected)
    each = np.stack([missing, ~missing, missing])[..., None]
    y = mask.simulate(X, missing=each)
    np.testing.assert_array_equal(y, np.where(each, 0.5, X))
    bound = bt.Mask(fill=0.5, missing=missing[None, ..., None])
    np.testing.assert_array_equal(bound.simulate(X), expected)
    y = (bt.Downsample(2) + mask).simulate(X, missing=missing[::2, ::2])
    assert np.all(y[:, :, :3] == 0.5)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ((X * 127.5 + 128).astype(np.uint8), "Write x / 127.5 - 1.0 for grey levels"),
        (np.zeros((8, 8, 1), int), "`x` must hold floats in [-1, 1]. Received: dtype='int64'"),
        ("photo.jpg", "`x` must hold floats in [-1, 1]"),
        (X[0, :, :, 0], "Write x[..., np.newaxis] for a grey image"),
        (X[..., :2], "with 1 or 3 channels. Received: shape=(3, 8, 12, 2)"),
        (X * 255, "Scale or clip the images"),
        (np.full((8, 8, 1), np.nan), "must hold floats in [-1, 1]"),
    ],
)
def test_the_error_for_other_images_states_the_remedy(x, message):
    with pytest.raises(InputError) as caught:
        bt.Gamma(2.0).simulate(x)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_other_seeds_and_data_are_refused():
    with pytest.raises(InputError, match=r"^`seed` must be an integer in \[0, 2147483647\]"):
        CHAIN.simulate(X, seed=-1)
    with pytest.raises(InputError, match=r"^`missing` is not taken by the corruption"):
        CHAIN.simulate(X, missing=np.zeros((8, 12), bool))
    with pytest.raises(InputError, match=r"^`missing` must be given"):
        bt.Mask().simulate(X)
    for wrong in (np.zeros((8, 12)), np.zeros((4, 12), bool), np.zeros((2, 8, 12, 1), bool)):
        with pytest.raises(InputError, match=r"^`missing` must be bool \[8, 12\]"):
            bt.Mask().simulate(X, missing=wrong)
    with pytest.raises(InputError, match="divides the image's 8 x 12 pixels"):
        bt.Downsample(5).simulate(X)


# Names.


def test_a_repr_is_the_text_of_a_flag():
    corruption = bt.Blur(3.0) + bt.Downsample(factor=4)
    assert repr(corruption) == "blur(sigma=3.0) + downsample(factor=4)"
    assert repr(bt.Mask(missing=np.zeros((1, 2, 2, 1), bool))) == "mask()"
    assert repr(bt.HalfMask("left").of_images((4, 4, 1))) == "BoundMask(fill=1.0)"


def test_every_registered_class_is_exported_and_listed():
    names = {row.load().__name__ for row in bt.corruptions.CORRUPTIONS.values()}
    assert names <= set(bt.__all__) & set(bt.corruptions.__all__)
    listing = bt.list_corruptions()
    assert list(listing) == list(bt.corruptions.CORRUPTIONS)
    assert "blur             Gaussian blur\n" in str(listing)
    assert len(str(listing).splitlines()) == len(listing)


def test_images_in_the_unit_range_emit_a_warning():
    with pytest.warns(UserWarning, match=r"`x` lie in \[0, 1\].*pass 2 \* x - 1") as caught:
        bt.Gamma(2.0).simulate(X / 2 + 0.5)
    assert caught[0].filename == __file__
