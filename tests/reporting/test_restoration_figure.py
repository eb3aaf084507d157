"""The figure of a restoration: one panel for each picture, the same bytes for equal results."""

import io
import math

import numpy as np
import pytest
from example_results import result
from PIL import Image

from brgm_tf.reporting.figures.restoration import draw_figure, figure_png


def shown(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def residual_of(figure):
    (panel,) = [axes for axes in figure.axes if axes.get_title() == "Residual"]
    return panel.images[0].get_array()


def caption(figure):
    return [text.get_text() for text in figure.texts]


def test_the_figure_has_a_panel_for_each_picture():
    assert shown(draw_figure(result())) == [
        "Measurement (4 x 4)",
        "Reconstruction",
        "Known pixels kept",
        "Truth",
        "Re-corrupted (4 x 4)",
        "Residual",
    ]
    assert "Measurement kept" in shown(draw_figure(result(missing=None)))
    assert len(shown(draw_figure(result(merged=None, truth=None)))) == 4


@pytest.mark.parametrize("channels", [1, 3])
def test_the_residual_is_in_grey_levels(channels):
    given = result(channels=channels, missing=None)
    error = 127.5 * (given.predicted_measurement - given.measurement)
    expected = np.sqrt(np.mean(error**2, axis=-1))
    np.testing.assert_allclose(residual_of(draw_figure(given)), expected, rtol=1e-5)


def test_the_residual_of_missing_pixels_is_masked():
    missing = np.zeros((4, 4, 1), bool)
    missing[1:3] = True
    residual = residual_of(draw_figure(result(missing=missing)))
    np.testing.assert_array_equal(np.ma.getmaskarray(residual), missing[..., 0])


def test_the_colour_bar_is_in_grey_levels():
    assert draw_figure(result()).axes[-1].get_ylabel() == "grey levels"


def test_the_caption_has_metrics_and_warnings():
    metrics = {"residual": 1.234, "psnr": 20.0, "rmse": 25.5, "lpips": math.nan}
    figure = draw_figure(result(metrics=metrics, warnings=("too dark",)))
    line, name, warning = caption(figure)
    assert [part.strip() for part in line.split("\N{MIDDLE DOT}")] == [
        "residual 1.23 grey levels",
        "RMSE 25.50",
        "PSNR 20.00 dB",
    ]
    assert (name, warning) == ("face", "too dark")


def test_inferred_parameters_are_in_the_caption_with_their_uncertainty():
    metrics = {"residual": 1.0, "sigma": 2.9123, "sigma_stddev": 0.081, "sigma_true": 3.0}
    line, *_ = caption(draw_figure(result(metrics=metrics)))
    assert line.endswith("sigma 2.91 \N{PLUS-MINUS SIGN} 0.081 (true 3)")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("changes", [{}, {"merged": None, "truth": None}])
def test_the_figure_file_is_1600_pixels_wide(channels, changes):
    with Image.open(io.BytesIO(figure_png(result(channels=channels, **changes)))) as picture:
        assert picture.width == 1600
        assert "Software" not in picture.info


def test_grey_images_are_grey_in_the_figure():
    with Image.open(io.BytesIO(figure_png(result(channels=1)))) as picture:
        # The residual and its colour bar on the right are coloured.
        levels = np.asarray(picture.convert("RGB"))[60:200, :1200]
    assert (levels == levels[..., :1]).all()


def test_a_matplotlib_style_of_the_user_does_not_change_the_figure():
    import matplotlib

    plain = figure_png(result())
    with matplotlib.rc_context({"font.size": 30, "savefig.dpi": 50, "image.cmap": "jet"}):
        assert figure_png(result()) == plain
