"""The figure of a posterior: maps with a common scale, a strip of samples, and a caption."""

import io
import math

import numpy as np
import pytest
from example_results import image, result, samples
from PIL import Image

from brgm_tf.reporting.figures.uncertainty import draw_uncertainty, uncertainty_png


def example(*, channels=3, changes=None, **options):
    given = samples(channels=channels, **options)
    return result(channels=channels, samples=given, **(changes or {}))


def panel(figure, title):
    (panels,) = [axes for axes in figure.axes if axes.get_title() == title]
    return panels.images[0]


def bar(figure):
    (bars,) = [axes for axes in figure.axes if axes.get_ylabel() == "grey levels"]
    return bars


def texts(figure):
    return [text.get_text() for text in figure.texts]


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def test_the_figure_has_the_available_pictures_and_maps():
    assert titles(draw_uncertainty(example())) == [
        "Measurement (4 x 4)",
        "Posterior mean",
        "Truth",
        "Standard deviation",
        "Error of the mean",
    ]
    assert titles(draw_uncertainty(example(changes={"truth": None}))) == [
        "Measurement (4 x 4)",
        "Posterior mean",
        "Standard deviation",
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_are_root_mean_squares_over_channels_in_grey_levels(channels):
    given = example(channels=channels)
    figure = draw_uncertainty(given)
    error = 127.5 * (given.samples.mean - given.truth)
    for title, levels in (
        ("Standard deviation", given.samples.stddev),
        ("Error of the mean", error),
    ):
        expected = np.sqrt(np.mean(levels**2, axis=-1))
        np.testing.assert_allclose(panel(figure, title).get_array(), expected, rtol=1e-5)


def test_standard_deviation_and_error_share_a_colour_scale():
    figure = draw_uncertainty(example())
    first, second = (panel(figure, title) for title in ("Standard deviation", "Error of the mean"))
    assert first.get_clim() == second.get_clim()
    assert first.get_cmap() == second.get_cmap()
    assert bar(figure).get_ylim() == first.get_clim()


def test_known_pixels_and_outliers_do_not_set_the_scale():
    stddev = np.zeros((64, 64, 1), np.float32)
    stddev[:20], stddev[0, 0] = 5, 500
    figure = draw_uncertainty(example(channels=1, side=64, stddev=stddev, changes={"truth": None}))
    assert panel(figure, "Standard deviation").get_clim() == (0, 5)


def test_zero_uncertainty_is_black():
    stddev = np.zeros((16, 16, 1), np.float32)
    figure = draw_uncertainty(example(channels=1, stddev=stddev, changes={"truth": None}))
    assert panel(figure, "Standard deviation").get_clim() == (0, 1)


def test_values_that_are_not_finite_do_not_set_the_scale():
    stddev = np.full((16, 16, 1), 3, np.float32)
    stddev[0, 0], stddev[0, 1] = np.nan, np.inf
    given = example(channels=1, stddev=stddev, changes={"truth": None})
    assert panel(draw_uncertainty(given), "Standard deviation").get_clim() == (0, 3)
    uncertainty_png(given)


@pytest.mark.parametrize(
    ("count", "shown", "heading"),
    [
        (1, 1, "Posterior samples"),
        (6, 6, "Posterior samples"),
        (9, 6, "Posterior samples (the first 6 of 9)"),
    ],
)
def test_the_strip_has_up_to_six_samples(count, shown, heading):
    figure = draw_uncertainty(example(count=count))
    untitled = [axes for axes in figure.axes if axes.images and not axes.get_title()]
    assert len(untitled) == shown
    assert texts(figure)[0] == heading


def test_the_strip_shows_merged_samples_if_available():
    merged = image(3, 16, 16, 1, seed=20)
    figure = draw_uncertainty(example(channels=1, merged=merged))
    first = next(axes for axes in figure.axes if axes.images and not axes.get_title())
    np.testing.assert_allclose(
        first.images[0].get_array(), 127.5 * (merged[0, ..., 0] + 1), atol=1e-4
    )


def test_the_caption_has_metrics_and_warnings():
    metrics = {
        "residual": 1.234,
        "noise_scale": 2.04,
        "coverage_90": 0.874,
        "lpips": math.nan,
        "rmse": 25.5,
        "psnr": 20.0,
    }
    changes = {"metrics": metrics, "warnings": ("too dark",)}
    _, line, name, warning = texts(draw_uncertainty(example(changes=changes)))
    assert [part.strip() for part in line.split("\N{MIDDLE DOT}")] == [
        "residual 1.23 grey levels",
        "noise 2.0 grey levels",
        "87% of the true pixels inside the 90% interval",
        "RMSE 25.50",
    ]
    assert (name, warning) == ("face", "too dark")


def test_texts_do_not_overlap_and_stay_on_the_page():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    metrics = dict.fromkeys(("residual", "noise_scale", "lpips", "rmse"), 100.0)
    changes = {
        "metrics": metrics | {"coverage_90": 1.0},
        "name": "a_long_name_" * 4,
        "warnings": ("too dark " * 30,),
    }
    figure = draw_uncertainty(example(changes=changes, count=9))
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [axes.get_tightbbox(renderer) for axes in figure.axes]
    boxes += [text.get_window_extent(renderer) for text in figure.texts]
    for index, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, index
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, index
        assert not any(box.overlaps(other) for other in boxes[:index]), index


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [16, 1024])
def test_the_figure_file_is_1600_pixels_wide(channels, side):
    given = example(channels=channels, side=side, count=2, changes={"truth": None})
    with Image.open(io.BytesIO(uncertainty_png(given))) as picture:
        assert picture.width == 1600
        assert "Software" not in picture.info


def test_a_matplotlib_style_of_the_user_does_not_change_the_figure():
    import matplotlib

    plain = uncertainty_png(example())
    with matplotlib.rc_context({"font.size": 30, "axes.grid": True, "image.cmap": "jet"}):
        assert uncertainty_png(example()) == plain
