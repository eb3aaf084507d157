"""Modules and commands that run before TensorFlow is imported, all checked in one process.

Each row of a table is a check, which runs in a fork, so rows do not influence each other.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "tensorflow_probability")
# Each statement with the modules that it must not import, in addition to HEAVY.
STATEMENTS = {
    "import brgm_tf": ("matplotlib", "imageio", "skimage", "tqdm"),
    "import brgm_tf.reconstruct": ("matplotlib", "imageio"),
    "import brgm_tf.reporting.writer": ("matplotlib", "imageio"),
    "import brgm_tf; brgm_tf.ImageResult, brgm_tf.Restoration": ("matplotlib", "imageio"),
    "import brgm_tf; brgm_tf.Config('downsample(factor=32)')": (),
    "from brgm_tf.pipeline import Config, resolve_objective; resolve_objective(Config())": (),
    "import brgm_tf; brgm_tf.list_presets(), brgm_tf.list_generators()": (),
    "import brgm_tf; brgm_tf.restore": ("matplotlib", "imageio"),
}
# A conditional generator with 4 classes.
LABELS = ROOT / "tests" / "golden" / "checkpoints" / "ada_labels.pkl"
# Flags that the command refuses in one line with exit code 2.
REFUSED = (
    "--nonsense=1",
    "picture.png",
    "--objective=best",
    "",
    "--input=none.png",
    "--input=example:astronaut --generator=nobody",
    "--input=example:astronaut --generator=page.pkl",
    "--input=example:astronaut --corruption=downsample(factor=0)",
    "--input=example:astronaut --noise_scale=0",
    "--input=example:astronaut --num_elbo_samples=3",
    "--input=example:astronaut --dispersion_factor=0",
    "--input=example:astronaut --class=1",
    f"--input=example:astronaut --generator={LABELS}",
    f"--input=example:astronaut --generator={LABELS} --class=4",
)
ANSWERED = ("--list_generators", "--list_presets")
COMMAND = (
    "import runpy, sys; sys.argv[1:] = {!r}; "
    "runpy.run_module('brgm_tf.reconstruct', run_name='__main__', alter_sys=True)"
)
# Runs each statement of a list in a separate fork, and prints the outcomes.
PROGRAM = """
import json, os, sys, tempfile

def outcome(statement):
    files = [tempfile.TemporaryFile() for _ in range(3)]
    child = os.fork()
    if child == 0:
        os.dup2(files[0].fileno(), 1)
        os.dup2(files[1].fileno(), 2)
        code = 0
        try:
            exec(statement, {"__name__": "row"})
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException as error:
            code = repr(error)
        sys.stdout.flush()
        sys.stderr.flush()
        modules = sorted({name.partition(".")[0] for name in sys.modules})
        files[2].write(json.dumps([code, modules]).encode())
        files[2].flush()
        os._exit(0)
    os.waitpid(child, 0)
    for file in files:
        file.seek(0)
    out, err, rest = (file.read().decode() for file in files)
    code, modules = json.loads(rest)
    return {"code": code, "modules": modules, "out": out, "err": err}

print(json.dumps({statement: outcome(statement) for statement in json.load(sys.stdin)}))
"""


def command(flags):
    """Returns a statement that runs the command with flags."""
    return COMMAND.format(flags.split())


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Returns the outcome of every statement: exit code, imported modules and output."""
    folder = tmp_path_factory.mktemp("rows")
    (folder / "page.pkl").write_bytes(b"<!doctype html>")
    statements = [*STATEMENTS, *map(command, (*REFUSED, *ANSWERED, "--help"))]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{PROGRAM}"],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_imports_no_heavy_module(outcomes, statement):
    outcome = outcomes[statement]
    assert outcome["code"] == 0
    assert set(outcome["modules"]) & {*HEAVY, *STATEMENTS[statement]} == set()


@pytest.mark.parametrize("flags", REFUSED)
def test_a_bad_flag_is_refused_in_one_line_before_tensorflow_is_imported(outcomes, flags):
    outcome = outcomes[command(flags)]
    assert (outcome["code"], outcome["out"]) == (2, "")
    assert outcome["err"].startswith("error: ")
    assert outcome["err"].count("\n") == 1
    assert not set(outcome["modules"]) & set(HEAVY)


def test_an_html_page_for_a_generator_is_named(outcomes):
    error = outcomes[command("--input=example:astronaut --generator=page.pkl")]["err"]
    assert error.startswith("error: --generator: ")
    assert "an HTML page" in error


@pytest.mark.parametrize("flags", ANSWERED)
def test_lists_are_printed_before_tensorflow_is_imported(outcomes, flags):
    outcome = outcomes[command(flags)]
    assert (outcome["code"], outcome["err"]) == (0, "")
    assert outcome["out"]
    assert not set(outcome["modules"]) & set(HEAVY)


def test_help_lists_every_flag_before_tensorflow_is_imported(outcomes):
    from brgm_tf.cli import run_flags
    from brgm_tf.pipeline.config import Config
    from brgm_tf.pipeline.options import options_of

    outcome = outcomes[command("--help")]
    names = [*run_flags.CONFIG_FLAGS, *run_flags.OVERRIDES, "input", "masks", "shard", "strategy"]
    assert "class" in names
    for name in names:
        assert f"--{name}:" in outcome["out"]
    assert options_of(Config)["num_steps"].help in outcome["out"]
    assert not set(outcome["modules"]) & set(HEAVY)
