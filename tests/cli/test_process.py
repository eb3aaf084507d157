"""Behaviour that all commands share: errors of one line, and no log lines of TensorFlow."""

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
from absl import flags

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError

ROOT = Path(__file__).parents[2]
PICKLE = ROOT / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"


def refuse(error):
    raise error


@pytest.fixture
def loud(tmp_path, monkeypatch):
    """Returns a function that writes a module that prints on descriptor 2 and then runs code."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, *, then=""):
        (tmp_path / f"{name}.py").write_text(f"import os\nos.write(2, b'a start-up line')\n{then}")
        return name

    return write


def test_an_imported_module_prints_nothing(loud, capfd):
    process.import_quietly(loud("loud_module"))
    assert "loud_module" in sys.modules
    assert capfd.readouterr().err == ""


def test_messages_of_a_module_are_shown_if_its_import_fails(loud, capfd):
    with pytest.raises(ImportError):
        process.import_quietly(loud("broken_module", then="import no_such_module_anywhere"))
    assert capfd.readouterr().err == "a start-up line"


@pytest.fixture
def xla_flags(monkeypatch):
    """Returns a function that imports TensorFlow for a batch size and returns XLA_FLAGS."""
    graphs = tf.config.optimizer

    def after_import(*, batch_size):
        process.import_to_restore(batch_size=batch_size)
        return os.environ["XLA_FLAGS"].split()

    monkeypatch.setenv("XLA_FLAGS", "")  # monkeypatch restores the variable after the test
    monkeypatch.delenv("XLA_FLAGS")
    before = graphs.get_experimental_options().get("disable_meta_optimizer", False)
    yield after_import
    graphs.set_experimental_options({"disable_meta_optimizer": before})


@pytest.mark.parametrize(("batch_size", "fast"), [(1, True), (2, False)])
def test_xla_compiles_fast_for_batches_of_one_image(xla_flags, batch_size, fast):
    assert ("--xla_backend_optimization_level=1" in xla_flags(batch_size=batch_size)) == fast


def test_xla_flags_of_the_user_are_kept(xla_flags, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=somewhere")
    assert xla_flags(batch_size=1) == ["--xla_dump_to=somewhere"]


@pytest.fixture(scope="module")
def after_import():
    """Returns TensorFlow's options and the imported modules of a process that restores."""
    program = (
        "from brgm_tf.cli import process; process.import_to_restore(batch_size=1)\n"
        "import sys, tensorflow as tf, tensorflow_probability as tfp; tfp.distributions.Normal\n"
        "print(tf.config.optimizer.get_experimental_options(), *sys.modules)"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout


def test_graphs_are_not_optimised_when_they_run_a_few_times(after_import):
    assert "'disable_meta_optimizer': True" in after_import


def test_experimental_modules_of_tensorflow_probability_are_not_imported(after_import):
    assert "tensorflow_probability.python.distributions.normal " in after_import
    assert "tensorflow_probability.python.experimental" not in after_import


def test_an_import_runs_without_garbage_collection(loud):
    freed = "import gc\nassert not gc.isenabled()\nkept = [[] for _ in range(10_000)]"
    process.import_quietly(loud("module_of_many_objects", then=freed))
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000


def test_an_input_error_prints_one_line_and_exits_with_2(capsys):
    assert process.guarded(lambda: refuse(InputError("seed", "must be small", seed=9))) == 2
    assert capsys.readouterr().err == "error: --seed: `seed` must be small. Received: seed=9\n"


def test_other_errors_are_raised():
    with pytest.raises(ZeroDivisionError):
        process.guarded(lambda: 1 // 0)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("--no_such_flag=1", "(--help lists the flags)"),
        ("word", "`word` is not a flag; use --input"),
    ],
)
def test_a_bad_flag_prints_one_line_and_exits_with_2(argument, words, capsys):
    # The flags of this process belong to pytest, and absl does not know them.
    with pytest.raises(SystemExit) as stop:
        process.parse_flags(["command", argument], instead="use --input")
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_arguments_are_changed_before_they_are_parsed(capsys):
    def change(argument):
        raise flags.Error(f"`{argument}` is not here")

    with pytest.raises(SystemExit):
        process.parse_flags(["command", "--x"], instead="", change=change)
    assert "error: `--x` is not here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("generate.py", ["samples", "grid.png", f"--generator={PICKLE}", "--seeds=0-3"]),
        ("convert_checkpoint.py", [PICKLE, "net"]),
    ],
)
def test_a_tool_prints_only_its_messages(tool, arguments, tmp_path):
    # TensorFlow sets the variable in this process, so the environment contains it.
    environment = {key: os.environ[key] for key in os.environ if key != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / tool, *map(str, arguments)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    messages = ("w: largest", "images: largest", "written: ")
    assert [line for line in done.stderr.splitlines() if not line.startswith(messages)] == []
