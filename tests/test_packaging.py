"""The wheel: its contents, and its use outside the repository."""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

import brgm_tf

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SOURCES = ["brgm_tf", "checkpoints", "pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE"]


def setuptools_is_new_enough() -> bool:
    """Returns whether the installed setuptools satisfies pyproject.toml."""
    low = PROJECT["build-system"]["requires"][0].removeprefix("setuptools>=").partition(",")[0]
    return int(importlib.metadata.version("setuptools").partition(".")[0]) >= int(low)


def run(*command, **keywords) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Returns the wheel, built from a copy of the sources, because a build leaves files behind."""
    folder = tmp_path_factory.mktemp("build")
    for name in (*SOURCES, "README.md"):
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / "source" / name, ignore=ignored)
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / "source" / name)
    toy = folder / "source" / "checkpoints" / "toy"
    toy.mkdir(parents=True)
    (toy / "config.json").write_text("{}")
    (toy / "discriminator.weights.h5").write_text("only trainings start from it")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-cache-dir"]
    if setuptools_is_new_enough():
        command.append("--no-build-isolation")
    run(*command, "--wheel-dir", str(folder / "dist"), str(folder / "source"))
    (path,) = (folder / "dist").iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Returns a folder with the unpacked wheel."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_contains_every_file_of_the_package(installed):
    names = {path.relative_to(ROOT) for path in (ROOT / "brgm_tf").rglob("*") if path.is_file()}
    wanted = {str(name) for name in names if "__pycache__" not in name.parts}
    assert sorted(name for name in wanted if not (installed / name).is_file()) == []


def test_the_wheel_contains_presets_and_examples(installed):
    for folder, pattern in (("presets", "*.cfg"), ("examples", "*")):
        here = sorted(path.name for path in (ROOT / "brgm_tf" / folder).glob(pattern))
        there = sorted(path.name for path in (installed / "brgm_tf" / folder).glob(pattern))
        assert there == here


def test_checkpoints_are_package_data(installed):
    names = {path.name for path in (installed / "brgm_tf" / "checkpoints").iterdir()}
    checkpoint = {path.name for path in (ROOT / "checkpoints").glob("*/") if any(path.iterdir())}
    assert names == checkpoint | {"toy"}
    toy = installed / "brgm_tf" / "checkpoints" / "toy"
    assert (toy / "config.json").read_text() == "{}"
    assert [path.name for path in toy.iterdir()] == ["config.json"]


def test_the_wheel_contains_no_other_packages(installed):
    names = {path.name for path in installed.iterdir()}
    assert names == {"brgm_tf", f"brgm_tf-{brgm_tf.__version__}.dist-info"}


def test_the_wheel_contains_the_licence(installed):
    (licence,) = installed.glob("*.dist-info/licenses/LICENSE")
    assert "Apache License" in licence.read_text()


def test_the_wheel_can_be_imported_outside_the_repository(installed, tmp_path):
    code = "import brgm_tf, brgm_tf.weights.fetching; print(brgm_tf.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    # -P keeps the current folder off the path, as in an installed command.
    out = run(sys.executable, "-P", "-c", code, cwd=tmp_path, env=environment)
    assert pathlib.Path(out.strip()).is_relative_to(installed)


def test_the_versions_agree():
    assert PROJECT["project"]["version"] == brgm_tf.__version__


def test_every_requirement_has_both_bounds():
    extras = PROJECT["project"]["optional-dependencies"].values()
    for requirement in PROJECT["project"]["dependencies"] + [r for rows in extras for r in rows]:
        assert ">=" in requirement, requirement
        assert "<" in requirement, requirement
