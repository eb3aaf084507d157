"""Answers of the page without a browser; the worker is a stub."""

import zipfile

import medical_files
import numpy as np
import pytest
from PIL import Image

from brgm_tf.app import canvas, chains
from brgm_tf.app.finishing import Finished
from brgm_tf.app.handlers import Handlers
from brgm_tf.app.jobs import Outcome, Update
from brgm_tf.app.limits import Limits
from brgm_tf.app.messages import Refusal
from brgm_tf.app.owner import make_owner
from brgm_tf.app.sessions import Sessions
from brgm_tf.app.settings import Settings
from brgm_tf.app.views import Views
from brgm_tf.io.medical import Slicing


class StubWorker:
    """A worker that writes one file of results, until it is stopped."""

    def __init__(self):
        self.jobs = []

    def run(self, job, *, stop):
        self.jobs.append(job)
        yield Update(step=10, num_steps=20)
        shown = None
        if job.folder is not None:
            (job.folder / "results" / "a").mkdir(parents=True)
            (job.folder / "results" / "a" / "metrics.json").write_text("{}")
            shown = Views(job.folder / "before.png", job.folder / "after.png")
        yield Outcome(shown, {"a": {"residual": 2.5}}, ("it fell",), 3.0, not stop.is_set())


@pytest.fixture
def handlers(tmp_path):
    owner = make_owner(generators=["xray-64", "ffhq-mobile-1024"], limits=Limits(waiting=1))
    return Handlers(owner, Sessions(tmp_path / "server", idle_seconds=60), StubWorker())


def upload(handlers, tmp_path, *, size=(8, 8), key="a", align=False):
    path = tmp_path / f"picture_{key}.png"
    levels = np.random.RandomState(1).randint(0, 256, (*size, 3), np.uint8)
    Image.fromarray(levels).save(path)
    return handlers.upload(str(path), "axial", "auto", align, key=key)


def settings(handlers, *names, generator="xray-64", **changes):
    rows = [chains.new_row(handlers.owner.corruptions[name]) for name in names]
    return Settings(generator, rows=rows, num_steps=10, **changes)


def stroke(side=canvas.CANVAS):
    layer = Image.new("RGBA", (side, side))
    layer.paste((255, 0, 0, 255), (0, 0, side // 2, side // 2))
    return {"background": None, "layers": [layer], "composite": None}


def finished(handlers, request, key="a"):
    *updates, last = handlers.run(request, key)
    assert isinstance(last, Finished)
    return updates, last


def test_painted_pixels_are_a_mask(handlers, tmp_path):
    upload(handlers, tmp_path)
    request = handlers.request(settings(handlers), stroke(), "a")
    updates, last = finished(handlers, request)
    assert request.job.config.corruption == "mask()"
    assert "mask() was added" in last.metrics
    assert "it fell" in last.metrics
    assert [update.step for update in updates] == [10]
    assert handlers.sessions.count_running() == 0


def test_the_archive_repeats_the_run_and_has_no_path(handlers, tmp_path):
    upload(handlers, tmp_path)
    _, last = finished(handlers, handlers.request(settings(handlers, "mask"), stroke(), "a"))
    with zipfile.ZipFile(last.archive) as archive:
        names = set(archive.namelist())
        texts = [archive.read(name).decode() for name in ("run.cfg", "run.py")]
    expected = {"run.cfg", "run.py", "mask.png", "picture_a.png", "results/a/metrics.json"}
    assert names == expected
    assert "--input=picture_a.png\n--masks=mask.png\n" in last.flagfile
    assert not any(str(tmp_path) in text for text in texts)


def test_the_interval_of_a_pixel_is_of_the_last_result(handlers, tmp_path):
    folder = handlers.sessions.get("a").new_folder("run") / "results" / "a"
    folder.mkdir(parents=True)
    mean = np.zeros((8, 8, 1), np.float32)
    np.savez(folder / "uncertainty.npz", mean=mean, low=mean - 0.1, high=mean + 0.1)
    assert "Pixel (3, 5): 90 % interval 115 to 140" in handlers.interval(3, 5, "a")
    assert handlers.pixel_at(511, 64, side=512, key="a") == (7, 1)
    assert handlers.interval(3, 5, "b") == ""


def test_a_stopped_run_keeps_its_result(handlers, tmp_path):
    upload(handlers, tmp_path)
    messages = handlers.run(handlers.request(settings(handlers, "noise"), None, "a"), "a")
    next(messages)
    handlers.sessions.get("a").stop.set()
    assert "Stopped" in next(messages).metrics


def test_a_stop_before_the_turn_begins_nothing(handlers, tmp_path):
    upload(handlers, tmp_path)
    request = handlers.request(settings(handlers, "noise"), None, "a")
    handlers.sessions.get("a").stop.set()
    with pytest.raises(Refusal, match="before it began"):
        list(handlers.run(request, "a"))
    assert handlers.worker.jobs == []
    assert handlers.sessions.count_running() == 0


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


def test_a_page_without_a_picture_asks_for_one(handlers):
    with pytest.raises(Refusal, match="Choose an example"):
        handlers.request(settings(handlers), None, "a")


@pytest.mark.parametrize("name", ["text.png", "text.nii.gz", "text.nii", "text.dcm"])
def test_a_text_file_is_refused_at_the_picture(handlers, tmp_path, name):
    (tmp_path / name).write_text("hello")
    with pytest.raises(Refusal) as refusal:
        handlers.upload(str(tmp_path / name), "axial", "auto", False, key="a")
    assert refusal.value.field == "input"
    assert name in refusal.value.text
    assert str(tmp_path) not in refusal.value.text
    assert "\n" not in refusal.value.text


# Medical files.


def test_a_volume_opens_at_its_middle_slice(handlers, tmp_path):
    path = medical_files.volume(tmp_path / "head.nii.gz")
    shown = handlers.upload(str(path), "axial", "auto", False, key="a")
    assert (shown.is_medical, shown.num_slices, shown.middle) == (True, 8, 4)
    other = handlers.choose_plane("sagittal", "auto", False, key="a")
    assert (other.num_slices, other.middle) == (12, 6)


def test_the_chosen_slice_is_restored(handlers, tmp_path):
    path = medical_files.volume(tmp_path / "head.nii.gz")
    handlers.upload(str(path), "axial", "auto", False, key="a")
    first, second = (handlers.draw(Slicing("axial", i), False, "a")["background"] for i in "23")
    assert first != second
    made = handlers.request(settings(handlers, "noise", slices=3), None, "a")
    assert (made.job.config.plane, made.job.config.slices) == ("axial", "3")


def test_a_slice_means_nothing_for_a_picture(handlers, tmp_path):
    upload(handlers, tmp_path)
    made = handlers.request(settings(handlers, "noise", slices=3), None, "a")
    assert made.job.config.slices == "middle"


def test_a_dicom_file_has_one_slice(handlers, tmp_path):
    path = medical_files.ct(tmp_path / "slice.dcm")
    shown = handlers.upload(str(path), "axial", "auto", False, key="a")
    assert (shown.is_medical, shown.num_slices) == (True, 1)


# Photographs.


def test_the_mask_of_a_photograph_has_its_size(handlers, tmp_path):
    upload(handlers, tmp_path, size=(20, 40), align=True)
    made = settings(handlers, generator="ffhq-mobile-1024", align=True)
    job = handlers.request(made, stroke(), "a").job
    assert job.config.align == "faces"
    with Image.open(job.mask) as mask:
        missing = ~np.asarray(mask)
    assert missing.shape == (20, 40)
    # The photograph fills rows 128 to 383 of the canvas, which is painted up to row 255.
    assert missing[:10, :20].all()
    assert missing.sum() == 200


@pytest.mark.parametrize(
    "changes", [{"generator": "xray-64"}, {"generator": "ffhq-mobile-1024", "input_kind": "clean"}]
)
def test_photographs_need_a_generator_of_faces_and_damage(handlers, tmp_path, changes):
    upload(handlers, tmp_path, align=True)
    with pytest.raises(Refusal) as refusal:
        handlers.request(settings(handlers, align=True, **changes), stroke(), "a")
    assert refusal.value.field == "align"


# Examples and generators.


def test_an_example_sets_the_page(handlers):
    values = handlers.choose_example("inpaint", "a")
    assert [row["name"] for row in values["rows"]] == ["mask"]
    assert len(values["editor"]["layers"]) == 1
    with Image.open(values["editor"]["layers"][0]) as strokes:
        missing = canvas.painted_mask({"layers": [strokes]})
    assert 0.2 < missing.mean() < 0.5


def test_the_warm_up_compiles_the_first_example(handlers, monkeypatch):
    monkeypatch.setattr(type(handlers.owner), "are_cached", lambda owner, name: True)
    handlers.warm()
    [job] = handlers.worker.jobs
    assert (job.config.corruption, job.folder) == ("mask()", None)
    assert len(handlers.sessions) == 0


def test_no_generator_is_fetched_for_the_warm_up(handlers, monkeypatch):
    monkeypatch.setattr(type(handlers.owner), "are_cached", lambda owner, name: False)
    handlers.warm()
    assert handlers.worker.jobs == []


def test_the_facts_tell_the_licence_and_the_download(handlers, monkeypatch, tmp_path):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path))
    text, has_classes, has_faces = handlers.facts("ffhq-mobile-1024")
    assert "the first restoration fetches it (38 MB)" in text
    assert "Apache-2.0" in text
    assert (has_classes, has_faces) == (False, True)
    assert "On this machine (bundled)" in handlers.facts("xray-64")[0]
