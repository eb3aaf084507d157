"""The panel that follows a run is one piece of HTML without files."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from brgm_tf.app import live
from brgm_tf.app.jobs import Update


def test_pictures_are_inside_the_page():
    levels = np.random.RandomState(0).randint(0, 256, (8, 6, 3), np.uint8)
    kind, _, text = live.data_url(levels).partition(",")
    assert kind == "data:image/png;base64"
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) == levels).all()


def test_the_panel_has_the_step_and_labels():
    image = np.zeros((8, 8, 1), np.float32)
    update = Update(step=5, num_steps=20, losses=(9.0, 3.0), measurement=image, image=image)
    html = live.panel(update)
    assert "Step 5 of 20" in html
    assert 'aria-valuenow="5"' in html
    assert html.count("<img") == html.count('alt="') == 2


def test_the_progress_of_a_download_is_a_bar():
    html = live.panel(Update(note=" 40% of 37.6 MB", num_steps=20))
    assert "Fetching 40% of 37.6 MB" in html
    assert 'aria-valuenow="40"' in html


def test_the_curve_falls_with_the_loss():
    html = live.curve([100.0, 10.0, 1.0])
    points = html.partition('points="')[2].partition('"')[0].split()
    heights = [float(point.partition(",")[2]) for point in points]
    assert heights == pytest.approx([3.0, 48.0, 93.0], abs=0.1)


def test_a_constant_or_negative_loss_has_a_curve():
    assert "nan" not in live.curve([1.0, 1.0]) + live.curve([-1.0, 2.0])


def test_texts_of_visitors_are_escaped():
    assert "<script>" not in live.message("<script>") + live.panel(Update(note="<script>"))
    assert "<b>" not in live.table([("<b>", "<b>", "<b>")], title="<b>")
