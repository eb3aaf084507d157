"""Makes the figures of docs/, each by the command of a preset: python tools/make_figures.py.

    python tools/make_figures.py [PRESET ...] [--output docs]

docs/NAME.png is the figure.png of `python -m brgm_tf.reconstruct --flagfile=NAME.cfg`. If the
preset draws samples, docs/NAME.png is uncertainty.png. Large files, of faces, are shrunk. Without
names, the command makes all figures; each face takes several minutes on a CPU.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PRESETS = ROOT / "brgm_tf" / "presets"
MAX_BYTES = 400_000  # larger figures are shrunk to SMALL_WIDTH pixels
SMALL_WIDTH = 1000
# Additional flags: the example is corrupted here, and the figure shows its truth.
EXTRA = {
    "ffhq_inpaint": ["--input_kind=clean"],
    "ffhq_superres": ["--input_kind=clean", "--input=example:astronaut"],
    "inpaint": ["--input_kind=clean"],
    "superres": ["--input_kind=clean", "--input=example:xray"],
    "uncertainty": ["--input_kind=clean"],
}


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or the first other exit code of a preset's command."""
    known = sorted(path.stem for path in PRESETS.glob("*.cfg"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="*", metavar="PRESET", help=", ".join(known))
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="Folder of the figures")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.presets) - set(known))
    if unknown:
        parser.error(f"PRESET must be one of {', '.join(known)}. Received: {', '.join(unknown)}")
    for name in options.presets or known:
        if code := make(name, options.output / f"{name}.png"):
            return code
    return 0


def make(name: str, figure: Path) -> int:
    """Runs a preset and copies its figure; returns the command's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "brgm_tf.reconstruct", f"--flagfile={name}.cfg"]
        done = subprocess.run(
            [*command, f"--output_dir={folder}", *EXTRA.get(name, [])], cwd=ROOT, check=False
        )
        if done.returncode:
            return done.returncode
        (source,) = Path(folder).glob("*/figure.png")
        sampled = source.with_name("uncertainty.png")
        figure.parent.mkdir(parents=True, exist_ok=True)
        copy(sampled if sampled.exists() else source, figure)
    sys.stdout.write(f"{figure}\n")
    return 0


def copy(source: Path, figure: Path) -> None:
    """Copies a figure, and shrinks a large one."""
    if source.stat().st_size <= MAX_BYTES:
        shutil.copyfile(source, figure)
        return
    with Image.open(source) as picture:
        height = round(picture.height * SMALL_WIDTH / picture.width)
        small = picture.convert("RGB").resize((SMALL_WIDTH, height), Image.Resampling.LANCZOS)
    small.save(figure, optimize=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
