"""Table of the generators that have a name: properties, origin and licence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
# Folders of an installed package and of the repository.
CHECKPOINTS = (_PACKAGE / "checkpoints", _PACKAGE.parent / "checkpoints")
# This generator is installed with the package and free to use.
DEFAULT_GENERATOR = "xray-64"
_STYLEGAN2 = "https://nvlabs-fi-cdn.nvidia.com/stylegan2/networks/"
_ADA = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/"
_BRGM = "https://dl.dropboxusercontent.com/s/"
_NVIDIA_LICENCE = "NVIDIA Source Code License: research or evaluation, non-commercial use only."
_BRGM_LICENCE = "No licence is stated; trained with NVIDIA's code, whose licence is non-commercial."


@dataclasses.dataclass(frozen=True)
class GeneratorRow:
    """Properties of a generator that are known before it is loaded.

    Args:
        resolution: Resolution in pixels.
        channels: Number of channels, 1 or 3; None if only the file states it.
        weights: Name in `package_table.PACKAGES`; '' for a generator from another source.
        help: Description in one line.
        source: Path or address of the file or folder; '' for a package.
        licence: Permitted uses; '' for a package, whose row states them.
        tried: Whether this project has loaded the generator from its source.
        num_classes: Number of classes of a conditional generator; 0 without classes.
        class_names: Names of the classes, in order; () if they have none.
    """

    resolution: int
    channels: int | None
    weights: str
    help: str
    source: str = ""
    licence: str = ""
    tried: bool = True
    num_classes: int = 0
    class_names: tuple[str, ...] = ()


def _brgm(resolution: int, channels: int | None, path: str, text: str) -> GeneratorRow:
    """Returns the row of a pickle at an address from the README and Makefile of BRGM."""
    return GeneratorRow(
        resolution, channels, "", f"BRGM's: {text}", _BRGM + path, _BRGM_LICENCE, tried=False
    )


def _nvidia(resolution: int, address: str, text: str) -> GeneratorRow:
    """Returns the row of a pickle at an address from the README of StyleGAN2 or StyleGAN2-ADA."""
    return GeneratorRow(
        resolution, 3, "", f"NVIDIA's {text}", address, _NVIDIA_LICENCE, tried=False
    )


def bundled(folders: Sequence[Path] = CHECKPOINTS) -> dict[str, GeneratorRow]:
    """Returns the generators trained by this project that are installed with it.

    Args:
        folders: Folders that contain one folder per generator, as `save_preset` writes them.

    Example:
        >>> bundled()[DEFAULT_GENERATOR].resolution
        64
    """
    rows = {}
    for path in sorted(path for folder in folders for path in folder.glob("*/config.json")):
        try:
            text = json.loads(path.read_text("utf-8"))
            config, about = text["config"], text.get("about", {})
            rows[path.parent.name] = GeneratorRow(
                resolution=config["resolution"],
                channels=config["channels"],
                weights="",
                help=about.get("description", "trained by this project"),
                source=str(path.parent),
                licence=about.get("licence", "see its README.md"),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # One damaged folder must not hide the others.
    return rows


GENERATORS: dict[str, GeneratorRow] = {
    **bundled(),
    "ffhq-mobile-1024": GeneratorRow(
        1024, 3, "ffhq-mobile-1024", "faces: MobileStyleGAN distilled from NVIDIA's FFHQ model"
    ),
    "brgm-ffhq-1024": _brgm(1024, 3, "jlgybz6nfhmpv54/ffhq.pkl", "faces, 90 % of FFHQ"),
    "brgm-xray-1024": _brgm(1024, None, "gphxjioth6dn5kb/xray.pkl", "chest X-rays, MIMIC"),
    "brgm-brains-256": _brgm(256, None, "p9vgdcn5q3wpcuo/brains.pkl", "slices of brain MRI"),
    "stylegan2-ffhq-1024": _nvidia(
        1024, _STYLEGAN2 + "stylegan2-ffhq-config-f.pkl", "StyleGAN2: faces, FFHQ"
    ),
    "stylegan2-car-512": _nvidia(
        512, _STYLEGAN2 + "stylegan2-car-config-f.pkl", "StyleGAN2: cars, LSUN"
    ),
    **{
        f"stylegan2-{name}-256": _nvidia(
            256, _STYLEGAN2 + f"stylegan2-{name}-config-f.pkl", f"StyleGAN2: {text}, LSUN"
        )
        for name, text in (("cat", "cats"), ("church", "churches"), ("horse", "horses"))
    },
    "ada-ffhq-1024": _nvidia(1024, _ADA + "ffhq.pkl", "StyleGAN2-ADA: faces, FFHQ"),
    "ada-metfaces-1024": _nvidia(1024, _ADA + "metfaces.pkl", "StyleGAN2-ADA: faces in paintings"),
    **{
        f"ada-afhq{name}-512": _nvidia(
            512, _ADA + f"afhq{name}.pkl", f"StyleGAN2-ADA: {text}, AFHQ"
        )
        for name, text in (("cat", "cats"), ("dog", "dogs"), ("wild", "wild animals"))
    },
    "ada-brecahd-512": _nvidia(
        512, _ADA + "brecahd.pkl", "StyleGAN2-ADA: breast cancer histology, BreCaHAD"
    ),
}
