"""Imports run one way, and some statements are not in the package at all: read by `ast`."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "brgm_tf"
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))

# Parts of the package, lowest first. A part may import the parts below it, and itself
# where it is a folder; parts on one line do not import each other.
LAYERS = (
    ("errors", "unknown", "compiling", "memory", "winograd"),
    ("convolution",),
    ("checks", "registry", "files", "array_files"),
    ("folders",),
    ("formats", "packages"),
    ("cache", "pip_client"),
    ("compile_cache",),
    ("fetching", "download"),
    ("catalogue", "handles", "unpacking"),
    ("finding", "medical"),
    ("images", "bundles", "kspace_files", "corruptions", "perceptual", "generators"),
    ("masks",),
    ("holes",),
    ("inputs",),
    ("objectives", "progress", "command", "sharding", "devices"),
    ("posterior", "surrogates"),
    ("joint", "estimators"),
    ("metrics", "baselines", "calibration"),
    ("hub",),
    ("config", "results"),
    ("panels", "video"),
    ("figure", "uncertainty_figure"),
    ("tables", "sampling"),
    ("outputs",),
    ("publishing",),
    ("resuming", "restorer"),
    ("collection",),
    ("restoration",),
    ("run_flags", "cluster"),
    ("reconstruct",),
    ("training",),
)
LEVELS = {part: level for level, parts in enumerate(LAYERS) for part in parts}
# These may be used without the rest: of the parts below them they import these only.
LEAVES = {
    *("errors", "unknown", "compiling", "memory", "winograd", "convolution"),
    *("checks", "registry", "files", "array_files"),
}
LONERS = (
    "finding",
    "kspace_files",
    "baselines",
    "corruptions",
    "perceptual",
    "objectives",
    "progress",
    "medical",
    "sharding",
    "devices",
    "surrogates",
)
ALONE = {
    **dict.fromkeys(LONERS, LEAVES),
    "catalogue": set(),
    "command": LEAVES | {"compile_cache"},
    "compile_cache": LEAVES | {"cache"},
    "generators": LEAVES | {"formats"},
    "images": LEAVES | {"finding"},
    "masks": LEAVES | {"finding", "images"},
    "bundles": LEAVES | {"finding"},
    "formats": {"errors", "checks"},
    "posterior": LEAVES | {"objectives"},
    "training": LEAVES | {"finding", "images", "generators"},
}


def tree(path):
    return ast.parse(path.read_text("utf-8"), str(path))


def part(path):
    """'hub' of brgm_tf/hub.py, 'generators' of brgm_tf/generators/ops.py, '' of __init__.py."""
    first = path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(node, *, package):
    """Dotted names that the module imports, in functions too; relative ones made absolute."""
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            yield from (name.name for name in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - child.level + 1]
            prefix = ".".join([*(base if child.level else []), *filter(None, [child.module])])
            yield from (f"{prefix}.{name.name}" for name in child.names)


def imported_parts(node, *, package):
    """Parts of brgm_tf that the module imports; of `from brgm_tf import x` it is x."""
    for name in imports(node, package=package):
        words = name.split(".")
        if words[0] == PACKAGE:
            yield words[1] if len(words) > 1 else ""


def package_of(path):
    return ".".join(path.relative_to(ROOT).parts[:-1])


def allowed(importer):
    """The parts that a file of `importer` may import."""
    if not importer:  # brgm_tf/__init__.py, which everything imports
        return set()
    own = {importer} if (ROOT / PACKAGE / importer).is_dir() else set()
    below = {part for part, level in LEVELS.items() if level < LEVELS[importer]}
    return own | (below & ALONE.get(importer, below))


def unlawful(path):
    """Imports of the package that the layers do not allow."""
    found = set(imported_parts(tree(path), package=package_of(path)))
    # `from brgm_tf import __version__` takes a name of the package itself.
    return sorted(found - {"__version__"} - allowed(part(path)))


def every_file(function):
    names = [path.relative_to(ROOT).as_posix() for path in FILES]
    return pytest.mark.parametrize("path", FILES, ids=names)(function)


@every_file
def test_a_file_belongs_to_a_layer(path):
    assert part(path) in LEVELS or not part(path)


@every_file
def test_a_file_imports_only_lower_layers(path):
    assert unlawful(path) == []


@every_file
def test_a_file_does_not_import_tools_or_tests(path):
    outside = {file.stem for folder in ("tools", "tests") for file in (ROOT / folder).glob("*.py")}
    names = imports(tree(path), package=package_of(path))
    assert not {name.split(".")[0] for name in names} & ({"tools", "tests"} | outside)


@every_file
def test_a_file_has_no_assert_print_or_import_star(path):
    assert forbidden(tree(path)) == []


def forbidden(node):
    """'line: statement' of everything that the package does without."""
    found = []
    for child in ast.walk(node):
        if isinstance(child, ast.Assert):
            found.append((child.lineno, "assert"))
        elif isinstance(child, ast.Name) and child.id == "print":
            found.append((child.lineno, "print"))
        elif isinstance(child, ast.ImportFrom) and child.names[0].name == "*":
            found.append((child.lineno, "import *"))
    return [f"{line}: {what}" for line, what in sorted(found)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    assert x", ["2: assert"]),
        ("if x:\n    print(x)", ["2: print"]),
        ("log = print", ["1: print"]),
        ("from os import *", ["1: import *"]),
        ("import sys\nsys.stdout.write('print assert')", []),
    ],
)
def test_the_search_for_statements_finds_them(source, found):
    assert forbidden(ast.parse(source)) == found


@pytest.mark.parametrize(
    "source",
    [
        "import brgm_tf.hub",
        "import brgm_tf.hub as h",
        "from brgm_tf import hub",
        "from brgm_tf.hub import name",
        "from . import hub",
        "from .hub import name",
        "def f():\n    from brgm_tf.hub import name",
    ],
)
def test_the_search_for_imports_finds_every_form(source):
    assert list(imported_parts(ast.parse(source), package=PACKAGE)) == ["hub"]


def test_relative_imports_are_followed_upwards():
    node = ast.parse("from ..errors import InputError\nfrom .ops import f")
    names = imported_parts(node, package="brgm_tf.generators")
    assert list(names) == ["errors", "generators"]


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("finding", "images"),
        ("images", "fetching"),
        ("masks", "corruptions"),
        ("images", "perceptual"),
        ("perceptual", "fetching"),
        ("objectives", "images"),
        ("posterior", "generators"),
        ("posterior", "corruptions"),
        ("posterior", "perceptual"),
        ("estimators", "hub"),
        ("errors", "registry"),
        ("hub", "reconstruct"),
        ("restoration", "training"),
        ("training", "restoration"),
    ],
)
def test_an_import_against_the_layers_is_not_allowed(importer, imported):
    assert imported not in allowed(importer)


def test_tools_and_tests_are_there_to_be_looked_for():
    assert FILES
    assert (ROOT / "tools").is_dir()
