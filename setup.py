"""The build's one step that pyproject.toml cannot say: checkpoints become package data."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# The rest of the folder is for training on, and for reading.
SHIPPED = ("config.json", "model.weights.h5", "README.md")


class BuildPy(build_py):
    """Puts checkpoints/NAME/ of the repository into the wheel as brgm_tf/checkpoints/NAME/."""

    def run(self):
        super().run()
        # An editable install has the repository itself.
        if not self.editable_mode:
            files = sorted(Path("checkpoints").glob("*/*"))
            for file in (file for file in files if file.name in SHIPPED):
                target = Path(self.build_lib, "brgm_tf", file)
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildPy})
