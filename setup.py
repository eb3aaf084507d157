"""The build's one step that pyproject.toml cannot say: checkpoints become package data."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# What a training starts from; nothing that is installed reads it.
TRAINING_ONLY = "discriminator.weights.h5"


class BuildPy(build_py):
    """Puts checkpoints/NAME/ of the repository into the wheel as brgm_tf/checkpoints/NAME/."""

    def run(self):
        super().run()
        # An editable install has the repository itself.
        if not self.editable_mode:
            files = sorted(Path("checkpoints").glob("*/*"))
            for file in (file for file in files if file.name != TRAINING_ONLY):
                target = Path(self.build_lib, "brgm_tf", file)
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildPy})
