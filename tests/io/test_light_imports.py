"""The room imports no heavy library: wrong inputs are reported before any is loaded."""

import subprocess
import sys

CODE = """
import sys
import brgm_tf.io.archives, brgm_tf.io.images, brgm_tf.io.inputs, brgm_tf.io.kspace
import brgm_tf.io.mask_detection, brgm_tf.io.medical, brgm_tf.io.pictures
print(*{"tensorflow", "h5py", "nibabel", "pydicom", "scipy"} & set(sys.modules))
"""


def test_reading_needs_no_heavy_library_before_a_file_asks_for_it():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
