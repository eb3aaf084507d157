"""The source archive and its wheel: their content, and that they work elsewhere."""

import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib

import pytest

import brgm_tf

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SOURCES = ["brgm_tf", "checkpoints", "pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE"]
SOURCES += ["README.md", "CHANGELOG.md", "CITATION.cff"]


def setuptools_is_new_enough() -> bool:
    """Returns whether the installed setuptools satisfies pyproject.toml."""
    low = PROJECT["build-system"]["requires"][0].removeprefix("setuptools>=").partition(",")[0]
    return int(importlib.metadata.version("setuptools").partition(".")[0]) >= int(low)


def run(*command, **keywords) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source_archive(tmp_path_factory):
    """Returns the source archive, built from a copy, because a build leaves files behind."""
    folder = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / "source" / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / "source" / name)
    toy = folder / "source" / "checkpoints" / "toy"
    toy.mkdir(parents=True)
    (toy / "config.json").write_text("{}")
    (toy / "discriminator.weights.h5").write_text("only trainings start from it")
    if not setuptools_is_new_enough():
        pytest.skip("the installed setuptools is older than the one in pyproject.toml")
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    run(sys.executable, "-c", code, str(folder / "dist"), cwd=folder / "source")
    (path,) = (folder / "dist").iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(source_archive, tmp_path_factory):
    """The wheel, built of the source archive as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-cache-dir"]
    run(*command, "--no-build-isolation", "--wheel-dir", str(folder), str(source_archive))
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Returns a folder into which pip installed the wheel, with its commands in bin/."""
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    run(*command, "--no-cache-dir", "--target", str(folder), str(wheel))
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
    assert names == {"bin", "brgm_tf", f"brgm_tf-{brgm_tf.__version__}.dist-info"}


def test_the_source_archive_holds_licence_changelog_and_citation(source_archive):
    with tarfile.open(source_archive) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "CHANGELOG.md", "CITATION.cff", "setup.py"} <= names


@pytest.mark.parametrize("command", PROJECT["project"]["scripts"])
def test_an_installed_command_lists_its_flags(installed, tmp_path, command):
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    program = str(installed / "bin" / command)
    done = subprocess.run([program, "--help"], capture_output=True, cwd=tmp_path, env=environment)
    assert done.stderr == b""
    assert b"--generator" in done.stdout


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
    version = PROJECT["project"]["version"]
    assert version == brgm_tf.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_the_changelog_has_the_version_with_its_date_below_unreleased_changes():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    (date,) = re.findall(r"\ndate-released: (\S+)", (ROOT / "CITATION.cff").read_text("utf-8"))
    assert headings[1] == f"[{brgm_tf.__version__}] - {date}"


def test_hooks_before_a_commit_have_the_versions_of_the_extra_lint():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    for requirement in PROJECT["project"]["optional-dependencies"]["lint"]:
        assert f'"{requirement}"' in hooks


def test_every_requirement_has_both_bounds():
    extras = PROJECT["project"]["optional-dependencies"].values()
    for requirement in PROJECT["project"]["dependencies"] + [r for rows in extras for r in rows]:
        assert ">=" in requirement, requirement
        assert "<" in requirement, requirement
