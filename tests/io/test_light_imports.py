"""The room `io` imports no heavy library before a file requires it."""

import subprocess
import sys

CODE = """
import sys
import brgm_tf.io.archives, brgm_tf.io.images, brgm_tf.io.inputs, brgm_tf.io.kspace
import brgm_tf.io.mask_detection, brgm_tf.io.medical, brgm_tf.io.pictures
print(*{"tensorflow", "h5py", "nibabel", "pydicom", "scipy"} & set(sys.modules))
"""


def test_planning_needs_no_heavy_library_before_a_file_requires_it():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
