"""A restoration through the handlers of the page, without a browser."""

import threading
import zipfile

import numpy as np
import pytest
import small_run
from PIL import Image

from brgm_tf.app import chains, uploads
from brgm_tf.app.handlers import Finished, Handlers
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.owner import make_owner
from brgm_tf.app.programs import Programs
from brgm_tf.app.sessions import Sessions
from brgm_tf.app.settings import Settings
from brgm_tf.io.medical import Slicing

MAKE = small_run.SharedRestorers(jit=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_run.make(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def programs():
    return Programs(4, make=MAKE)


@pytest.fixture
def handlers(folder, programs, tmp_path):
    owner = make_owner(
        generators=[str(folder / "net")],
        options={"overrides": {"perceptual_scale": 0.0}},
        limits=Limits(waiting=1),
    )
    return Handlers(owner, Sessions(tmp_path / "server", idle_seconds=60), programs)


def upload(handlers, tmp_path, *, size=8, key="a"):
    path = tmp_path / f"picture_{key}.png"
    levels = np.random.RandomState(1).randint(0, 256, (size, size, 3), np.uint8)
    Image.fromarray(levels).save(path)
    return handlers.upload(str(path), Slicing(), key)


def settings(handlers, *names, **changes):
    rows = [chains.new_row(handlers.owner.corruptions[name]) for name in names]
    return Settings(next(iter(handlers.owner.generators)), rows=rows, num_steps=10, **changes)


def stroke():
    layer = Image.new("RGBA", (16, 16))
    layer.paste((255, 0, 0, 255), (0, 0, 8, 8))
    return {"background": None, "layers": [layer], "composite": None}


def finished(handlers, request, key="a"):
    *updates, last = handlers.run(request, key)
    assert isinstance(last, Finished)
    return updates, last


def test_a_painted_picture_is_restored(handlers, tmp_path):
    upload(handlers, tmp_path)
    request = handlers.request(settings(handlers), stroke(), "a")
    updates, last = finished(handlers, request)
    assert request.config.corruption == "mask()"
    assert "mask() was added" in last.metrics
    assert any(update.image is not None for update in updates)
    assert last.views.after.is_file()


def test_the_archive_repeats_the_run_and_has_no_path(handlers, folder, tmp_path):
    upload(handlers, tmp_path)
    _, last = finished(handlers, handlers.request(settings(handlers, "mask"), stroke(), "a"))
    with zipfile.ZipFile(last.archive) as archive:
        names = archive.namelist()
        texts = [archive.read(n).decode() for n in names if n.endswith((".cfg", ".py", ".json"))]
    assert {"run.cfg", "run.py", "mask.png", "picture_a.png"} < set(names)
    assert "results/picture_a/metrics.json" in names
    assert "--input=picture_a.png\n--masks=mask.png\n" in last.flagfile
    private = str(handlers.sessions.folder), str(folder)
    assert not any(path in text for path in private for text in texts)
    assert "--generator=net\n" in last.flagfile


def test_samples_tell_the_interval_of_a_pixel(handlers, tmp_path):
    upload(handlers, tmp_path)
    made = settings(handlers, "noise", estimator="vi", num_samples=2)
    _, last = finished(handlers, handlers.request(made, None, "a"))
    assert len(last.views.samples) == 2
    assert "Pixel (3, 5)" in handlers.interval(3, 5, "a")
    assert handlers.pixel_at(511, 64, side=512, key="a") == (7, 1)


def test_a_stopped_run_keeps_its_result(handlers, tmp_path):
    upload(handlers, tmp_path)
    made = handlers.request(settings(handlers, "noise"), None, "a")
    updates = handlers.run(made, "a")
    for update in updates:
        if isinstance(update, Finished):
            break
        if update.step:
            handlers.sessions.get("a").stop.set()
    assert "Stopped" in update.metrics


def test_a_stop_before_the_turn_begins_nothing(handlers, tmp_path):
    upload(handlers, tmp_path)
    request = handlers.request(settings(handlers, "noise"), None, "a")
    handlers.sessions.get("a").stop.set()
    with pytest.raises(Refusal, match="before it began"):
        list(handlers.run(request, "a"))
    assert handlers.sessions.count_running() == 0


def test_a_closed_page_stops_its_run(handlers, tmp_path):
    upload(handlers, tmp_path)
    before = threading.active_count()
    updates = handlers.run(handlers.request(settings(handlers, "noise"), None, "a"), "a")
    next(updates)
    handlers.sessions.close("a")
    updates.close()
    assert threading.active_count() == before


def test_two_runs_of_one_page_are_refused(handlers, tmp_path):
    upload(handlers, tmp_path)
    handlers.request(settings(handlers, "noise"), None, "a")
    with pytest.raises(Refusal, match="already"):
        handlers.request(settings(handlers, "noise"), None, "a")


def test_a_full_queue_is_refused(handlers, tmp_path):
    for key in "abc":
        upload(handlers, tmp_path, key=key)
    for key in "ab":
        handlers.request(settings(handlers, "noise"), None, key)
    with pytest.raises(Refusal, match="Too many"):
        handlers.request(settings(handlers, "noise"), None, "c")


@pytest.mark.parametrize(
    ("names", "field"),
    [(["mask"], "masks"), (["noise", "noise"], "corruption"), (["downsample"], "input")],
)
def test_a_problem_is_a_message_at_its_field(handlers, tmp_path, names, field):
    upload(handlers, tmp_path, size=8)
    with pytest.raises(Refusal) as refusal:
        list(handlers.run(handlers.request(settings(handlers, *names), None, "a"), "a"))
    assert refusal.value.field == field
    assert str(tmp_path) not in refusal.value.text


def test_a_page_without_a_picture_asks_for_one(handlers):
    with pytest.raises(Refusal, match="Choose an example"):
        handlers.request(settings(handlers), None, "a")


def test_a_text_file_is_refused_at_the_picture(handlers, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(Refusal) as refusal:
        handlers.upload(str(tmp_path / "text.png"), Slicing(), "a")
    assert refusal.value.field == "input"
    assert "text.png" in refusal.value.text
    assert str(tmp_path) not in refusal.value.text


def test_an_example_sets_the_page(tmp_path, programs):
    owner = make_owner(generators=["xray-64"])
    handlers = Handlers(owner, Sessions(tmp_path, idle_seconds=60), programs)
    values = handlers.choose_example("inpaint", "a")
    assert [row["name"] for row in values["rows"]] == ["mask"]
    assert len(values["editor"]["layers"]) == 1
    with Image.open(values["editor"]["layers"][0]) as strokes:
        missing = uploads.painted_mask({"layers": [strokes]})
    assert 0.2 < missing.mean() < 0.5
