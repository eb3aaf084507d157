"""The architecture of the package, read by `ast`: imports run downwards, forbidden statements."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "brgm_tf"
FILES = sorted((ROOT / PACKAGE).rglob("*.py"))

# Lowest floor first. A room imports its modules and the rooms of lower floors.
FLOORS = (
    "core",
    "ops",
    "io weights",
    "generators corruptions perceptual",
    "evaluation photographs",
    "reporting",
    "posterior",
    "estimators training",
    "pipeline",
    "cli",
    "app reconstruct testing",
)
LEVELS = {room: level for level, rooms in enumerate(FLOORS) for room in rooms.split()}


def test_every_file_belongs_to_a_room():
    assert {room_of(path) for path in FILES} - {""} == set(LEVELS)


def test_imports_run_downwards():
    unlawful_imports = {path.relative_to(ROOT).as_posix(): unlawful(path) for path in FILES}
    assert {path: names for path, names in unlawful_imports.items() if names} == {}


def test_modules_of_a_room_have_no_circular_imports():
    graph = {name: imported_modules(path) for name, path in MODULES.items()}
    circles = {circle for name in graph for circle in [circle_of(name, graph)] if circle}
    assert circles == set()


def test_only_training_imports_training():
    users = {room_of(path) for path in FILES if "training" in imported_rooms(path)}
    assert users <= {"training"}


def test_no_module_imports_a_private_name():
    assert [name for path in FILES for name in imports(path) if private(name)] == []


def test_the_package_imports_neither_tools_nor_tests():
    others = {file.stem for folder in ("tools", "tests") for file in (ROOT / folder).rglob("*.py")}
    others -= {"__init__"}
    for path in FILES:
        assert not {name.split(".")[0] for name in imports(path)} & ({"tools", "tests"} | others)


def test_functions_and_files_are_short():
    tools = sorted((ROOT / "tools").rglob("*.py"))
    assert [name for path in [*FILES, *tools] for name in too_long(path)] == []


def test_no_file_contains_assert_print_or_import_star():
    assert [f"{path}: {what}" for path in FILES for what in forbidden(tree(path))] == []


@pytest.mark.parametrize(
    "source",
    [
        "import brgm_tf.io.images",
        "import brgm_tf.io.images as i",
        "from brgm_tf import io",
        "from brgm_tf.io import images",
        "from ..io import images",
        "def f():\n    from brgm_tf.io.images import fit",
    ],
)
def test_every_form_of_import_is_recognised(source):
    names = imports_of(ast.parse(source), package="brgm_tf.core")
    assert {rooms_of_name(name) for name in names} == {"io"}


def test_imports_for_type_checkers_are_not_circular():
    source = "from x import a\nif TYPE_CHECKING:\n    from x import b"
    assert imports_of(without_types(ast.parse(source)), package="p") == ["x.a"]


def test_a_circular_import_is_recognised():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"d"}}
    assert [circle_of(name, graph) for name in graph] == [(), ("b", "c"), ("b", "c"), ("d",)]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("def f():\n    assert x", ["2: assert"]),
        ("if x:\n    print(x)", ["2: print"]),
        ("log = print", ["1: print"]),
        ("from os import *", ["1: import *"]),
        ("import sys\nsys.stdout.write('print assert')", []),
    ],
)
def test_forbidden_statements_are_recognised(source, what):
    assert forbidden(ast.parse(source)) == what


def test_a_private_name_is_recognised():
    assert private("brgm_tf.io.images._fit")
    assert not private("brgm_tf.io.images.fit")


@functools.cache
def tree(path):
    return ast.parse(path.read_text("utf-8"), str(path))


def room_of(path):
    """Returns 'io' for brgm_tf/io/images.py, and '' for brgm_tf/__init__.py."""
    first = path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(path):
    """Returns the dotted names that a file imports, in functions too."""
    return imports_of(tree(path), package=".".join(path.relative_to(ROOT).parts[:-1]))


def imports_of(node, *, package):
    names = []
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            names += [name.name for name in child.names]
        elif isinstance(child, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - child.level + 1]
            prefix = [*(above if child.level else []), *filter(None, [child.module])]
            names += [".".join([*prefix, name.name]) for name in child.names]
    return names


def rooms_of_name(name):
    words = name.split(".")
    return words[1] if words[0] == PACKAGE and len(words) > 1 else ""


def imported_rooms(path):
    return {rooms_of_name(name) for name in imports(path)} - {"", "__version__"}


def unlawful(path):
    """Returns the rooms that a file imports from the same or a higher floor."""
    room = room_of(path)
    level = LEVELS[room] if room else len(FLOORS)
    below = {other for other in LEVELS if LEVELS[other] < level} | {room}
    return sorted(imported_rooms(path) - below)


def module_of(path):
    """Returns 'brgm_tf.io.images' for brgm_tf/io/images.py, and 'brgm_tf.io' for its __init__."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def without_types(node):
    """Returns the module without statements for type checkers."""
    body = [
        child
        for child in node.body
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test))
    ]
    return ast.Module(body, node.type_ignores)


def imported_modules(path):
    """Returns the modules of the same room that a file imports at run time, in functions too."""
    package = ".".join(path.relative_to(ROOT).parts[:-1])
    names = imports_of(without_types(tree(path)), package=package)
    names = {name if name in MODULES else name.rpartition(".")[0] for name in names}
    return {n for n in names & set(MODULES) if room_of(MODULES[n]) == room_of(path) != ""}


def circle_of(name, graph):
    """Returns the modules of a circular import of a module, itself among them."""
    circle = {other for other in reached(name, graph) if name in reached(other, graph)}
    return tuple(sorted(circle))


def reached(name, graph):
    """Returns the modules that a module imports, directly or through others."""
    modules, waiting = set(), set(graph[name])
    while waiting:
        module = waiting.pop()
        modules.add(module)
        waiting |= graph[module] - modules
    return modules


def too_long(path):
    """Returns functions above 50 lines or ten arguments, and the file if it is above 350 lines."""
    problems = [path.name] if path.read_text("utf-8").count("\n") > 350 else []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            arguments = {a.arg for a in node.args.args + node.args.kwonlyargs} - {"self", "cls"}
            if node.end_lineno - node.lineno >= 50 or len(arguments) > 10:
                problems.append(f"{path.name}: {node.name}")
    return problems


def private(name):
    return name.startswith(f"{PACKAGE}.") and name.rpartition(".")[2].startswith("_")


def forbidden(node):
    """Returns 'line: statement' for each forbidden statement."""
    statements = []
    for child in ast.walk(node):
        if isinstance(child, ast.Assert):
            statements.append((child.lineno, "assert"))
        elif isinstance(child, ast.Name) and child.id == "print":
            statements.append((child.lineno, "print"))
        elif isinstance(child, ast.ImportFrom) and child.names[0].name == "*":
            statements.append((child.lineno, "import *"))
    return [f"{line}: {what}" for line, what in sorted(statements)]


MODULES = {module_of(path): path for path in FILES}
