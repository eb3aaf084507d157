"""Several devices restore separate batches, with the same bytes as one device."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_run import COUNT, contents, flags, make

from brgm_tf.core.errors import InputError
from brgm_tf.pipeline.devices import devices_of, scope_of

# The two logical CPUs must be configured before TensorFlow initialises its devices.
TWO_CPUS = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from brgm_tf.cli import process, restore, run_flags
from brgm_tf.pipeline import restorer
used = set()
restore_batch = restorer.Restorer._restore
def recording(self, *arguments):
    latents = self.program.latents
    def noting(position):
        found = latents(position)
        used.add((self.device, found.device))
        return found
    self.program.latents = noting
    result = restore_batch(self, *arguments)
    self.program.latents = latents
    return result
restorer.Restorer._restore = recording
for output, strategy in (("one", "one_device"), ("two", "mirrored")):
    used.clear()
    run_flags.FLAGS.unparse_flags()
    run_flags.parse([*sys.argv, f"--output_dir={output}", f"--strategy={strategy}"])
    assert process.guarded(restore.run) == 0
    print(sorted(used))
"""


@pytest.mark.slow
def test_two_devices_write_the_same_bytes_as_one(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", TWO_CPUS, *flags(make(tmp_path), "overridden")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert run.returncode == 0, run.stderr
    one, two = (line for line in run.stdout.splitlines() if line.startswith("["))
    devices = [f"/job:localhost/replica:0/task:0/device:CPU:{i}" for i in range(2)]
    assert one == str([("/device:CPU:0", devices[0])])
    assert two.count("CPU:1") == 2
    assert len(contents(tmp_path / "two")) > 4 * COUNT
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_without_an_accelerator_auto_leaves_the_choice_to_tensorflow():
    assert devices_of("auto") == [None]


def test_one_device_is_the_first_cpu_without_an_accelerator():
    assert devices_of("one_device") == ["/device:CPU:0"]


def test_mirrored_uses_every_device():
    assert devices_of("mirrored") == ["/job:localhost/replica:0/task:0/device:CPU:0"]


def test_a_missing_tpu_is_an_error():
    with pytest.raises(InputError, match="`strategy` needs a TPU"):
        devices_of("tpu")


def test_tensors_created_in_a_scope_are_on_its_device():
    import tensorflow as tf

    with scope_of("/device:CPU:0"):
        assert tf.constant(1.0).device.endswith("CPU:0")
