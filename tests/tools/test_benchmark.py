"""The benchmark command: operations, times, peers and the report."""

import datetime
import json
import sys
from pathlib import Path

import benchmark
import numpy as np
import pytest
import tensorflow as tf
from benchmarking import flops, history, machine, peers, plans, timing

from brgm_tf.core.errors import InputError

ROOT = Path(__file__).parents[2]
# The network makes images of 16 x 16 pixels.
GENERATOR = ROOT / "tests" / "golden" / "checkpoints" / "tf1_skip.pkl"
B, H, C, D, K = 2, 8, 3, 5, 3
CONVOLUTION = 2 * B * H * H * K * K * C * D  # a multiplication and an addition each


def kernel(*shape):
    return tf.ones(shape)


def convolved(x):
    return tf.nn.conv2d(x, kernel(K, K, C, D), 1, "SAME")


def gradient(function):
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(function(x) ** 2)
        return tape.gradient(y, x)

    return both


# Operations.


def test_operations_of_a_convolution_are_counted():
    assert flops.count(convolved, tf.ones([B, H, H, C])) == CONVOLUTION


def test_the_gradient_of_a_convolution_has_twice_its_operations():
    assert flops.count(gradient(convolved), tf.ones([B, H, H, C])) == 2 * CONVOLUTION


def test_a_transposed_convolution_skips_inserted_zeros():
    def upsampled(x):
        return tf.nn.conv2d_transpose(x, kernel(K, K, D, C), [B, 2 * H, 2 * H, D], 2)

    assert flops.count(upsampled, tf.ones([B, H, H, C])) == CONVOLUTION


def test_operations_of_a_depthwise_convolution_are_counted():
    def filtered(x):
        return tf.nn.depthwise_conv2d(x, kernel(K, K, C, 1), [1, 1, 1, 1], "SAME")

    assert flops.count(filtered, tf.ones([B, H, H, C])) == 2 * B * H * H * C * K * K


def test_operations_of_matrix_products_are_counted():
    assert flops.count(lambda x: x @ kernel(C, D), tf.ones([B, C])) == 2 * B * C * D
    assert flops.count(lambda x: tf.einsum("bld,ed->ble", x, kernel(D, D)), tf.ones([B, H, D])) == (
        2 * B * H * D * D
    )


def test_hidden_operations_are_refused():
    hidden = tf.function(convolved)
    with pytest.raises(ValueError, match="hides"):
        flops.count(lambda x: hidden(x), tf.ones([B, H, H, C]))


# Time.


def test_programs_run_in_turn_in_alternating_order():
    called = []
    programs = {name: lambda name=name: called.append(name) or 1.0 for name in "abc"}
    measured = timing.in_turn(programs, rounds=2)
    assert "".join(called) == "abccba"
    assert {name: len(values) for name, values in measured.items()} == dict.fromkeys("abc", 2)


def test_seconds_are_the_median_and_quartiles():
    assert timing.Seconds.of([1, 2, 3, 4, 50]) == timing.Seconds(3.0, 2.0, 4.0)


# The peer.


def peer(folder, *lines):
    (folder / "peer.py").write_text("\n".join(lines))
    return f"{sys.executable} {folder / 'peer.py'}"


def test_a_peer_receives_the_problem_and_its_answer_is_parsed(tmp_path):
    np.savez(tmp_path / "problem.npz", ws=np.full([1, 2], 3.0))
    command = peer(
        tmp_path,
        "import os, numpy as np",
        "ws = np.load(os.environ['BRGM_TF_BENCHMARK'])['ws']",
        "print('a word'); print('objective', ws.sum()); print('seconds_per_step 0.5')",
    )
    assert peers.ask(command, problem=tmp_path / "problem.npz") == peers.Answer(0.5, 6.0)


def test_the_error_for_a_failing_peer_contains_its_last_line(tmp_path):
    with pytest.raises(InputError, match="exit code 1, RuntimeError: no GPU"):
        peers.ask(peer(tmp_path, "raise RuntimeError('no GPU')"), problem=tmp_path)


def test_a_peer_without_the_required_lines_is_an_error(tmp_path):
    with pytest.raises(InputError, match="must write the lines"):
        peers.ask(peer(tmp_path, "print('seconds_per_step 1')"), problem=tmp_path)


# The command.


def run(*arguments):
    try:
        return benchmark.main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


def test_the_start_of_a_process_is_timed():
    assert machine.start_programs()["python"]() > 0


@pytest.mark.slow
@pytest.mark.weights
def test_the_report_has_parts_fractions_and_the_peer(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, "start_programs", lambda: {"python": lambda: 1.0})
    command = peer(tmp_path, "print('seconds_per_step 1e6'); print('objective 1')")
    size = ("--generators", GENERATOR, "--corruption=downsample(factor=4)", "--batch_sizes", 2)
    code = run(tmp_path, *size, "--rounds=1", "--num_steps=2", "--no_jit", "--peer", command)
    assert code == 1  # because the peer reports another objective
    assert "NOT the same objective" in capsys.readouterr().out
    report = json.loads((tmp_path / "benchmark.json").read_text())
    (row,) = report["steps"]
    seconds = row["seconds_per_step"]["median"]
    assert sum(row["parts"].values()) == pytest.approx(seconds)
    assert 0 < row["share_of_peak"] < 1
    assert row["peer"]["ratio"] == pytest.approx(1e6 / seconds)
    assert (tmp_path / "benchmark.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--batch_sizes", "0"], "batch_sizes"),
        (["--schedules", "balanced"], "OBJECTIVE:OPTIMISER"),
        (["--schedules", "balanced:sgd"], "OBJECTIVE:OPTIMISER"),
        (["--schedules", "balanced:adam,num_steps=0"], "num_steps=80"),
        (["--schedules", "balanced:adam,speed=2"], "rampdown=0.5"),
        (["--generators", "nowhere"], "generator"),
        (["--corruption=fog()"], "corruption"),
        (["--record=nowhere.md"], "nowhere.md"),
    ],
)
def test_invalid_input_is_refused_in_one_line(tmp_path, capsys, flags, named):
    assert run(tmp_path, *flags) == 2
    assert named in capsys.readouterr().err.splitlines()[-1]


REPORT = {
    "machine": {"processor": "a | b", "cores": 2, "accelerators": [], "tensorflow": "2.21.0"},
    "corruption": "downsample(factor=8)",
    "steps": [
        {
            "generator": "xray-64",
            "batch_size": 4,
            "precision": "float32",
            "seconds_per_image_step": 0.0512,
            "share_of_peak": 0.41,
            "peak_memory_gb": 1.24,
            "compile_seconds": 9.4,
        }
    ],
}


def test_rows_of_a_release_are_appended_to_its_table(tmp_path):
    path = tmp_path / "history.md"
    text = (ROOT / "docs" / "speed_history.md").read_text("utf-8")
    path.write_text(text)
    history.append(path, REPORT, version="9.0", date=datetime.date(2030, 1, 2))
    history.append(path, REPORT, version="9.1", date=datetime.date(2030, 2, 2))
    assert path.read_text().startswith(text)
    first, second = path.read_text().removeprefix(text).splitlines()
    assert first == (
        "| 9.0 | 2030-01-02 | 2 cores of a / b; TensorFlow 2.21.0 | xray-64 "
        "| `downsample(factor=8)` | 4 | float32 | 0.051 | 41% | 1.2 | 9 |"
    )
    assert second.startswith("| 9.1 | 2030-02-02 |")


def test_text_below_the_table_of_releases_is_refused(tmp_path):
    path = tmp_path / "history.md"
    path.write_text((ROOT / "docs" / "speed_history.md").read_text("utf-8") + "\nA sentence.\n")
    with pytest.raises(InputError, match="ends with a table"):
        history.append(path, REPORT, version="9.0", date=datetime.date(2030, 1, 2))


def test_a_schedule_is_parsed_into_objective_and_steps():
    plan = plans.parse("brgm_torch:adam,num_steps=60,rampdown=0.5")
    assert (plan.objective, plan.num_steps) == ("brgm_torch", 60)
    assert plan.overrides == {"optimizer": "adam", "rampdown": 0.5}
    assert plans.parse("balanced:lbfgs").num_steps is None
