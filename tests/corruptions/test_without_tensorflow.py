"""Texts and classes are checked without TensorFlow."""

import subprocess
import sys

PROGRAM = """
import sys
import brgm_tf
from brgm_tf.corruptions import CORRUPTIONS, parsing

for row in CORRUPTIONS.values():
    row.load(), row.parameters
print(brgm_tf.list_corruptions())
print(brgm_tf.Blur(sigma=3.0) + brgm_tf.Downsample(factor=4))
CORRUPTIONS.parse("downsample(factor=4)")
brgm_tf.Config("mask() + downsample(factor=2) + noise(scale=5)").traits
for text in ("blur(sigma=0)", "mask() + {file}:Fog"):
    try:
        parsing.user_files(text) or parsing.parse(text)
    except brgm_tf.InputError as error:
        print(error)
sys.exit("tensorflow" in sys.modules or "keras" in sys.modules)
"""


def test_tensorflow_is_not_imported(tmp_path):
    path = tmp_path / "none.py"
    program = PROGRAM.replace("{file}", str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "blur(sigma=3.0) + downsample(factor=4)\n" in done.stdout
    assert "parameter 'sigma' of blur() must be a number in [0.1, 1000]" in done.stdout
    assert "`corruption` stage 2" in done.stdout
    assert f"names a file that does not exist. Received: file='{path}'" in done.stdout
