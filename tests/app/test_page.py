"""What a person does on the page, in a headless browser."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import zipfile
from pathlib import Path
from typing import NamedTuple

import headless
import medical_files
import pytest
import small_run
from PIL import Image

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
PATIENCE = 60_000  # of a wait, in milliseconds
# Elements that a person uses but that have no name for a screen reader.
NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea')]
    .filter(e => e.offsetParent !== null)
    .filter(e => !(e.ariaLabel || e.title || e.innerText || e.getAttribute('aria-labelledby')
                   || (e.labels && [...e.labels].some(label => label.innerText.trim()))))
    .map(e => e.outerHTML.slice(0, 200))"""


class Server(NamedTuple):
    """The running command, its address, and the folder of its temporary files."""

    process: subprocess.Popen
    address: str
    folder: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The command with a generator of 8 x 8 pixels, whose example is an image of this size."""
    pytest.importorskip("gradio")
    made = small_run.make(tmp_path_factory.mktemp("page"))
    (made / "net").rename(made / "faces")  # so that photographs are offered
    temporary = tmp_path_factory.mktemp("temporary")
    with Image.open(made / "in" / "0.png") as small:
        small.resize((small_run.SIZE, small_run.SIZE)).save(made / "picture.png")
    flags = [
        f"--generator={made / 'faces'}", f"--generators={made / 'faces'}",
        f"--input={made / 'picture.png'}", "--corruption=blur(sigma=1)", "--num_steps=40",
        "--perceptual_scale=0", "--max_steps=100000", "--max_megabytes=1", "--port=0",
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "brgm_tf.app", *flags],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(ROOT),
            "GRADIO_HEARTBEAT_INTERVAL": "2",
        },
    )
    line = process.stdout.readline()
    address = re.search(r"http://\S+", line)
    assert address, line
    yield Server(process, address[0], temporary)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not any(temporary.iterdir())


# Collects the different pictures of the restoration that the page shows during a run.
WATCH_PICTURES = """() => {
    window.pictures = new Set();
    new MutationObserver(() => document.querySelectorAll('#live figure:last-of-type img')
        .forEach(picture => window.pictures.add(picture.src)))
        .observe(document.body, {childList: true, subtree: true, attributes: true});
}"""


@pytest.fixture(scope="module")
def launch():
    with headless.launcher() as function:
        yield function


@pytest.fixture(scope="module")
def chromium(launch):
    return launch(has_webgl=False)


@pytest.fixture(scope="module")
def addresses():
    """Addresses of all requests of the module."""
    return []


def open_page(server, chromium, addresses, *, width=1280, height=900, scale=1):
    opened = chromium.new_page(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        accept_downloads=True,
    )
    opened.set_default_timeout(PATIENCE)
    opened.on("request", lambda request: addresses.append(request.url))
    opened.goto(server.address)
    opened.get_by_role("button", name="Remove blur").wait_for()
    return opened


@pytest.fixture
def page(server, chromium, addresses):
    opened = open_page(server, chromium, addresses)
    yield opened
    opened.close()


@pytest.fixture
def canvas_page(server, launch, addresses):
    """A page whose canvas can be painted, with few pixels, because a processor draws them."""
    browser = launch(has_webgl=True)
    yield open_page(server, browser, addresses, width=800, height=700, scale=0.25)
    browser.close()


@pytest.fixture(scope="module")
def shared_page(server, chromium, addresses):
    """A page for tests that restore nothing."""
    return open_page(server, chromium, addresses)


def upload(page, path):
    page.locator("#upload input[type=file]").set_input_files(path)


def wait_for_result(page):
    page.locator("#result #slider img, [role=alert]").first.wait_for()
    assert page.locator("[role=alert]").all_inner_texts() == []


def workers(server):
    """Returns the processes that the command has started."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(word) for word in children.read_text().split()]


def restore(page):
    page.get_by_role("button", name="Restore", exact=True).click()


def paint(page):
    """Paints a stroke across the middle of the picture."""
    page.locator("#editor canvas").first.wait_for()
    page.locator("#editor canvas").first.scroll_into_view_if_needed()
    box = page.locator("#editor canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 40, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=4)
    page.mouse.up()


def set_slider(page, label, value):
    """Sets a slider by the number beside it."""
    field = page.get_by_label(f"number input for {label}", exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_a_painted_picture_is_restored_and_downloaded(canvas_page, tmp_path):
    page = canvas_page
    page.wait_for_timeout(1000)  # the canvas draws its picture
    paint(page)
    page.evaluate(WATCH_PICTURES)
    restore(page)
    wait_for_result(page)
    page.get_by_text("mask() was added").wait_for()
    assert page.evaluate("window.pictures.size") > 1
    with page.expect_download() as download:
        page.get_by_text("Download everything").click()
    path = tmp_path / "all.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    assert {"run.cfg", "run.py", "mask.png", "results/picture/reconstruction.png"} <= names


def test_stop_keeps_what_was_done(page):
    page.get_by_text("More: estimator").click()
    set_slider(page, "Steps", 100_000)
    restore(page)
    page.get_by_text(re.compile(r"Step \d+ of 100000, \d+:\d\d left")).wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped: this is the restoration so far").wait_for()


def test_a_text_file_is_a_message_at_the_picture(shared_page, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    upload(shared_page, tmp_path / "text.png")
    messages = shared_page.locator("#refusal-input [role=alert]")
    messages.filter(has_text="must be an image file").wait_for()
    assert str(tmp_path) not in shared_page.content()
    assert "Traceback" not in shared_page.content()


@pytest.mark.parametrize("name", ["bad.nii.gz", "bad.dcm"])
def test_a_bad_medical_file_is_one_line_at_the_picture(shared_page, tmp_path, name):
    (tmp_path / name).write_bytes(b"not a volume")
    upload(shared_page, tmp_path / name)
    messages = shared_page.locator("#refusal-input [role=alert]")
    messages.filter(has_text=name).wait_for()
    assert messages.count() == 1
    assert str(tmp_path) not in shared_page.content()


def test_a_slice_of_a_volume_is_chosen_and_restored(page, tmp_path):
    # The thickness of the slices is large, so every slice has other grey levels.
    upload(page, medical_files.volume(tmp_path / "head.nii.gz", spacing=(2.0, 2.0, 9.0)))
    number = page.get_by_label("number input for Slice", exact=True)
    number.wait_for()
    assert number.input_value() == "4"
    set_slider(page, "Slice", 6)
    restore(page)
    wait_for_result(page)
    page.get_by_text("Repeat this run").click()
    page.get_by_text("--slices=6").wait_for()


def test_a_dicom_file_is_restored(page, tmp_path):
    upload(page, medical_files.ct(tmp_path / "slice.dcm", rows=16, columns=16))
    page.get_by_label("Window").wait_for()
    assert not page.get_by_label("number input for Slice", exact=True).is_visible()
    restore(page)
    wait_for_result(page)
    page.get_by_text("Residual", exact=True).wait_for()


def test_a_control_changes_the_text_of_the_corruption(page):
    set_slider(page, "sigma", 3)
    page.get_by_text("--corruption=blur(sigma=3)").wait_for()
    page.get_by_label("sigma is unknown").check()
    page.get_by_text("--corruption=blur(sigma=unknown)").wait_for()
    page.get_by_role("button", name="Remove blur").click()
    page.get_by_text("--corruption=none").wait_for()


def test_the_keyboard_reaches_every_control(shared_page):
    shared_page.evaluate("() => document.body.focus()")
    reached = set()
    for _ in range(60):
        shared_page.keyboard.press("Tab")
        reached.add(
            shared_page.evaluate(
                "() => { const e = document.activeElement;"
                " return e.ariaLabel || e.innerText.trim() || e.labels?.[0]?.innerText || e.type }"
            )
        )
    text = "\n".join(reached)
    for name in ("Example", "Generator", "Remove blur", "Corruption to add", "Add", "Restore"):
        assert name in text
    assert shared_page.evaluate(NAMELESS) == []


def test_a_killed_worker_is_one_line_and_a_new_worker(server, page):
    [worker] = workers(server)
    page.get_by_text("More: estimator").click()
    set_slider(page, "Steps", 100_000)
    restore(page)
    page.get_by_text(re.compile(r"Step \d+ of 100000")).wait_for()
    os.kill(worker, signal.SIGKILL)
    message = page.locator("#refusal-run [role=alert]")
    message.wait_for()
    assert "signal 9" in message.inner_text()
    [another] = workers(server)
    assert another != worker


def test_files_go_with_the_page(server, page):
    [home] = server.folder.glob("brgm_tf_app_*/sessions")
    mine = max(home.iterdir(), key=lambda folder: folder.stat().st_mtime)
    page.close()
    deadline = time.monotonic() + PATIENCE / 1000
    while mine.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not mine.exists()


def test_no_request_leaves_the_machine(shared_page, addresses):
    hosts = {urllib.parse.urlsplit(address).hostname for address in addresses}
    # Pictures inside the page and strokes on the canvas have no host.
    assert hosts - {None} == {"127.0.0.1"}
    assert {address.partition(":")[0] for address in addresses} <= {"http", "data", "blob"}
