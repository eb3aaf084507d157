"""Documentation: pages are linked, commands have known flags, quoted lines of code exist."""

import ast
import re
from pathlib import Path

import pytest

import brgm_tf
from brgm_tf.cli import restore, run_flags
from brgm_tf.pipeline.listings import PRESETS, list_presets

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.glob("*.md") if path.stem not in ("README", "index"))
TEXTS = [ROOT / "README.md", DOCS / "index.md", *PAGES]
COMMANDS = re.compile(r"(?:brgm-reconstruct|brgm_tf\.reconstruct)((?:[^\n`]|(?<=\\)\n)*)")


def text(path):
    return path.read_text("utf-8")


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text(path), re.DOTALL | re.MULTILINE)


def test_every_page_is_in_both_lists_of_pages():
    for path in PAGES:
        assert f"({path.name})" in text(DOCS / "README.md"), path.name
        assert re.search(rf"^{path.stem}$", text(DOCS / "index.md"), re.MULTILINE), path.name


def test_every_notebook_is_in_the_list_of_pages():
    for path in (ROOT / "notebooks").glob("*.py"):
        assert path.with_suffix(".ipynb").is_file()
        assert f"../notebooks/{path.stem}\n" in text(DOCS / "index.md")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_flags_of_commands_exist(path):
    commands = COMMANDS.findall(text(path))
    names = {name for command in commands for name in re.findall(r"--(\w+)", command)}
    known = {*run_flags.FLAGS, "flagfile", "help"}
    assert restore.FLAGS is run_flags.FLAGS
    assert names - known == set()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_python_code_is_complete(path):
    if path.stem == "mathematics":
        pytest.skip("its blocks are single lines of the package")
    for block in blocks(path, "python"):
        ast.parse(block)


def test_every_public_name_has_an_example():
    values = {name: getattr(brgm_tf, name) for name in brgm_tf.__all__}
    named = {name: value.__doc__ or "" for name, value in values.items() if callable(value)}
    assert len(named) > 30
    assert [name for name, docstring in named.items() if ">>>" not in docstring] == []


def test_quoted_lines_of_code_exist():
    quotes = [block for block in blocks(DOCS / "mathematics.md", "python")]
    assert len(quotes) > 10
    for quote in quotes:
        name, *lines = quote.splitlines()
        source = {line.strip() for line in text(ROOT / name.removeprefix("# ")).splitlines()}
        assert [line for line in lines if line.strip() not in source] == []


def test_the_gallery_has_every_preset_with_its_corruption_and_picture():
    gallery = text(DOCS / "gallery.md")
    for name in list_presets():
        stem = name.removesuffix(".cfg")
        (corruption,) = re.findall(r"^--corruption=(.*)$", text(PRESETS / f"{stem}.cfg"), re.M)
        assert f"--flagfile={stem}.cfg" in gallery
        assert corruption in gallery
        assert not (DOCS / f"{stem}.png").exists() or f"]({stem}.png)" in gallery


def test_pictures_of_pages_exist():
    for path in TEXTS:
        for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text(path)):
            assert (path.parent / name).is_file(), f"{path.name}: {name}"
