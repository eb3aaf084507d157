"""k-space from files: its layouts, its errors and its crop to a square."""

import h5py
import numpy as np
import pytest

from brgm_tf.core.errors import InputError
from brgm_tf.io.kspace import crop_to_square, list_slices


def random_kspace(*shape):
    rng = np.random.default_rng(0)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def hdf5(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def array(path, values):
    np.save(path, values)
    return path


def fourier(x):
    x = np.fft.ifftshift(x, axes=(0, 1))
    return np.fft.fftshift(np.fft.fft2(x, axes=(0, 1), norm="ortho"), axes=(0, 1))


def image(y):
    y = np.fft.ifftshift(y, axes=(0, 1))
    return np.fft.fftshift(np.fft.ifft2(y, axes=(0, 1), norm="ortho"), axes=(0, 1))


# Files.


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_an_array_is_one_slice(tmp_path, shape):
    values = random_kspace(*shape)
    (only,) = list_slices(array(tmp_path / "a.npy", values))
    assert only.shape == (6, 5, values[0, 0].size)
    assert only.name.stem == "a"
    np.testing.assert_array_equal(only.load(channels=1).image, values.reshape(6, 5, -1))


def test_a_single_coil_file_has_a_slice_for_each_image(tmp_path):
    values = random_kspace(4, 6, 5)
    slices = list_slices(hdf5(tmp_path / "knee.h5", kspace=values))
    assert [s.name.stem for s in slices] == [f"knee_slice{i:02}" for i in range(4)]
    assert {s.shape for s in slices} == {(6, 5, 1)}
    np.testing.assert_array_equal(slices[3].load(channels=1).image[..., 0], values[3])


def test_a_multi_coil_file_stores_coils_before_rows(tmp_path):
    values = random_kspace(2, 3, 6, 5)
    slices = list_slices(hdf5(tmp_path / "knee.h5", kspace=values))
    assert {s.shape for s in slices} == {(6, 5, 3)}
    np.testing.assert_array_equal(slices[1].load(channels=1).image, values[1].transpose(1, 2, 0))


def test_double_precision_is_converted_to_single(tmp_path):
    (only,) = list_slices(array(tmp_path / "a.npy", random_kspace(6, 5).astype(np.complex128)))
    assert only.load(channels=1).image.dtype == np.complex64


def refusal(path):
    with pytest.raises(InputError) as caught:
        [each.load(channels=1) for each in list_slices(path)]
    assert caught.value.argument == "input"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_of_other_kinds_are_refused(tmp_path):
    (tmp_path / "a.png").touch()
    assert ".npy or .h5 or .hdf5" in refusal(tmp_path / "a.png")
    real = array(tmp_path / "real.npy", np.ones((6, 5)))
    assert "must hold k-space, complex [H, W] or [H, W, coils]" in refusal(real)
    assert "complex [slices, H, W]" in refusal(
        hdf5(tmp_path / "real.h5", kspace=np.ones((2, 6, 5)))
    )
    assert "complex [slices, H, W]" in refusal(
        hdf5(tmp_path / "flat.h5", kspace=random_kspace(6, 5))
    )
    other = hdf5(tmp_path / "other.h5", reconstruction_rss=np.ones((2, 6, 5)))
    assert "must have the data set 'kspace'" in refusal(other)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_values_without_information_are_refused(tmp_path, value):
    path = array(tmp_path / "a.npy", np.full((6, 5), value, np.complex64))
    assert "must hold finite numbers, not all of them 0" in refusal(path)


@pytest.mark.parametrize("name", ["a.npy", "a.h5"])
@pytest.mark.parametrize("contents", [b"", b"\x93NUMPY\x01\x00v\x00{'descr'", b"\x89HDF\r\n\x1a\n"])
def test_damaged_files_are_refused(tmp_path, name, contents):
    (tmp_path / name).write_bytes(contents)
    assert "must be a file of k-space that can be read" in refusal(tmp_path / name)


# Cropping to a square.


def test_kspace_of_the_target_size_is_unchanged():
    values = random_kspace(8, 8, 2)
    np.testing.assert_array_equal(crop_to_square(values, resolution=8), values)


def test_more_rows_than_columns_crop_the_field_of_view():
    x = np.random.default_rng(1).normal(size=(12, 8, 1)) + 0j
    square = crop_to_square(fourier(x), resolution=8)
    np.testing.assert_allclose(image(square), x[2:10], atol=1e-12)


def test_unsampled_columns_stay_empty_when_the_field_of_view_is_cropped():
    values = random_kspace(12, 8, 1)
    values[:, ::2] = 0
    square = crop_to_square(values, resolution=8)
    assert (square[:, ::2] == 0).all()
    assert (square[:, 1::2] != 0).all()


@pytest.mark.parametrize("sizes", [(12, 8), (13, 9), (13, 8), (12, 7)])
def test_high_frequencies_are_cropped_around_the_centre(sizes):
    large, small = sizes
    values = random_kspace(large, large, 1)
    square = crop_to_square(values, resolution=small)
    assert square.shape == (small, small, 1)
    assert square[small // 2, small // 2] == values[large // 2, large // 2]
    rows = slice(large // 2 - small // 2, large // 2 - small // 2 + small)
    np.testing.assert_array_equal(square, values[rows, rows])
