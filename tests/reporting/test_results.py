"""Results print a few lines, show a figure, and stack the arrays of their images."""

import io

import numpy as np
import pytest
from example_results import image, result, samples
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.reporting.failures import Failure
from brgm_tf.reporting.figures.restoration import figure_png
from brgm_tf.reporting.figures.uncertainty import uncertainty_png
from brgm_tf.reporting.results import Restoration


def restoration(*names, **changes):
    return Restoration(tuple(result(name=name, **changes) for name in names))


def test_an_image_prints_its_name_size_metrics_and_warnings():
    text = repr(result(warnings=("too dark",), samples=samples()))
    assert text.splitlines() == [
        "ImageResult 'face': 16 x 16, RGB",
        "  residual 0.3333, psnr 20.5, ssim 0.5, rmse 12",
        "  3 posterior samples",
        "  warning: too dark",
    ]


def test_unknown_metrics_are_not_printed():
    assert "psnr" not in repr(result(metrics={"residual": 1.0, "psnr": np.nan}))


def test_a_restoration_prints_a_line_for_each_image_and_failure():
    images = restoration("a", "b", metrics={"residual": 1.5}, warnings=("dark", "small")).images
    text = repr(Restoration(images, (Failure("c", "no image"),)))
    assert text.splitlines() == [
        "Restoration of 2 images",
        "  a: 16 x 16, RGB, residual 1.5, 2 warnings",
        "  b: 16 x 16, RGB, residual 1.5, 2 warnings",
        "  failed: c: no image",
    ]


def test_a_long_restoration_prints_few_lines():
    many = Restoration(restoration(*map(str, range(30))).images, (("x", "no image"),) * 30)
    lines = repr(many).splitlines()
    assert len(lines) < 25
    assert "  ... and 22 more" in lines
    assert "  ... and 22 more failures" in lines


@pytest.mark.parametrize(
    ("changes", "file"), [({}, figure_png), ({"samples": samples()}, uncertainty_png)]
)
def test_a_notebook_shows_the_saved_figure(changes, file):
    item = result(**changes)
    assert item._repr_png_() == file(item)
    assert Restoration((item,))._repr_png_() == file(item)
    assert item.plot().get_size_inches()[0] == 8


def test_an_image_is_saved_in_its_folder(tmp_path):
    assert result().save(tmp_path) == tmp_path / "face"
    with Image.open(io.BytesIO((tmp_path / "face" / "figure.png").read_bytes())) as figure:
        assert figure.width == 1600


def test_a_restoration_is_a_sequence_of_its_images():
    both = restoration("a", "b")
    assert len(both) == 2
    assert [item.name for item in both] == ["a", "b"]
    assert both[1] is both.images[1]
    assert bool(Restoration(()))


def test_mean_stddev_and_samples_are_stacked():
    merged = image(3, 16, 16, 3, seed=20)
    both = restoration("a", "b", samples=samples(merged=merged))
    assert both.mean.shape == both.stddev.shape == (2, 16, 16, 3)
    np.testing.assert_array_equal(both.mean[1], both.images[1].samples.mean)
    np.testing.assert_array_equal(both.stddev[0], both.images[0].samples.stddev)
    assert both.sample(2).shape == (2, 2, 16, 16, 3)
    np.testing.assert_array_equal(both.sample(2)[1, 0], merged[1])


def test_the_error_for_too_many_samples_suggests_a_larger_run():
    with pytest.raises(InputError, match=r"`num_samples` must be from 1 to 3.*larger num_samples"):
        restoration("a", samples=samples()).sample(4)


@pytest.mark.parametrize("name", ["mean", "stddev"])
def test_the_error_for_an_estimator_without_samples_states_the_remedy(name):
    with pytest.raises(InputError, match=r"`estimator` draws no samples.*estimator='vi'"):
        getattr(restoration("a"), name)


def test_the_error_without_images_states_the_first_failure():
    nothing = Restoration((), (Failure("a", "`masks` must leave a pixel"),))
    for use in (lambda: nothing.reconstructions, lambda: nothing.mean, nothing.plot):
        with pytest.raises(InputError, match=r"no image.* a: `masks` must leave"):
            use()
    assert nothing._repr_png_() is None
