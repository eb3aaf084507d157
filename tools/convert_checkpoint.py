"""Converts a generator: `python tools/convert_checkpoint.py SOURCE DEST`.

DEST becomes a preset folder (config.json, model.weights.h5) or, with --saved_model, a
SavedModel; both have a model card, README.md. SOURCE is a handle, as for --generator. The command
loads the written files and compares them with SOURCE before it renames the folder to DEST.
`--verify SOURCE DEST` repeats the comparison. Exit codes: 0 done, 1 the conversion differs, 2 an
argument cannot be used.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import describe_generator, load_generator, origin_of
from brgm_tf.weights.formats import identify

CARD = "README.md"
_NUM_IMAGES = 2
_STORAGES = ("float32", "float16")
# Largest difference relative to the largest value, by storage.
_TOLERANCES = {"float32": 1e-4, "float16": 5e-2}


def main(arguments: list[str]) -> int:
    """Runs the command and returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("source", help="File, folder, address or name of the generator")
    parser.add_argument("dest", type=Path, help="New folder")
    parser.add_argument("--saved_model", action="store_true", help="Write a SavedModel")
    parser.add_argument("--verify", action="store_true", help="Compare DEST with SOURCE again")
    parser.add_argument(
        "--storage", choices=_STORAGES, default="float32", help="Dtype of the weights of a preset"
    )
    parser.add_argument(
        "--network", choices=identify.NETWORKS, default="G_ema", help="Network of a checkpoint"
    )
    parser.add_argument(
        "--class",
        dest="class_label",
        help="Class of a conditional generator, index or name, which a SavedModel holds",
    )
    parser.add_argument("--licence", default="", help="Licence of the generator, for the card")
    options = parser.parse_args(arguments)
    try:
        describe_generator(options.source, progress=process.say)
        process.import_quietly("tensorflow")
        if options.verify:
            source = _loaded(options)
            return _verified(source, options.dest, _tolerance(options.dest))
        return _convert(options)
    except InputError as error:
        process.say(f"error: {error}")
        return process.UNUSABLE


def _loaded(options):
    return load_generator(
        options.source,
        network=options.network,
        class_label=options.class_label,
        progress=process.say,
    )


def _convert(options) -> int:
    dest = options.dest
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise InputError("dest", "must be a new or an empty folder", dest=str(dest))
    if options.class_label is not None and not options.saved_model:
        raise InputError("class", "must be given for a SavedModel only", remedy="Leave it out")
    generator = _loaded(options)
    origin = origin_of(options.source)
    origin["licence"] = options.licence or origin["licence"] or "unknown: ask the authors"
    dest.parent.mkdir(parents=True, exist_ok=True)
    scratch = dest.with_name(f".{dest.name}.{secrets.token_hex(4)}.tmp")
    try:
        if options.saved_model:
            _write_saved_model(generator, scratch)
        else:
            _write_preset(generator, scratch, storage=options.storage, about=origin)
        (scratch / CARD).write_text(_card(dest.name, scratch, generator, origin), "utf-8")
        code = _verified(generator, scratch, _TOLERANCES[options.storage])
        if code == 0:
            os.replace(scratch, dest)
            process.say(f"written: {dest}")
        return code
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_preset(generator, folder: Path, *, storage: str, about: dict) -> None:
    from brgm_tf.generators.preset import save_preset
    from brgm_tf.generators.stylegan2 import StyleGAN2

    if not isinstance(generator, StyleGAN2):
        raise InputError(
            "source", "must be a StyleGAN2 for a preset folder", remedy="Give --saved_model"
        )
    save_preset(generator, folder, storage=storage, about=about)


def _write_saved_model(generator, folder: Path) -> None:
    from brgm_tf.generators.saved_model import export

    export(generator, folder)


def _card(name: str, folder: Path, generator, origin: dict) -> str:
    sums = [
        f"{atomic_files.sha256(path)}  {path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    lines = [
        f"# {name}",
        "",
        f"{type(generator).__name__}, {generator.resolution} x {generator.resolution} pixels, "
        f"{generator.channels} channels: z [B, {generator.z_dim}], "
        f"ws [B, {generator.num_ws}, {generator.w_dim}], images in [-1, 1].",
        "",
        f"- Source: {origin['source']}",
        *([f"- sha256 of the source: {origin['sha256']}"] if "sha256" in origin else []),
        f"- Licence: {origin['licence']}",
        "- Converted by tools/convert_checkpoint.py of brgm_tf.",
        "",
        "Checksums (sha256):",
        "",
        *(f"    {line}" for line in sums),
    ]
    return "\n".join(lines) + "\n"


def _tolerance(folder: Path) -> float:
    config = folder / "config.json"
    is_half = config.is_file() and '"storage": "float16"' in config.read_text("utf-8")
    return _TOLERANCES["float16" if is_half else "float32"]


def _verified(source, folder: Path, tolerance: float) -> int:
    """Returns 0 if a conversion has its checksums and equals its source, else 1."""
    damaged = _damaged(folder)
    if damaged:
        process.say(f"differs: {', '.join(damaged)}: another checksum than on the card")
        return 1
    first, second = (load_generator(each, progress=process.say) for each in (source, folder))
    code = 0
    for name, expected, found in _compared(first, second):
        same_shape = expected.shape == found.shape
        error = np.abs(expected - found).max() / np.abs(expected).max() if same_shape else np.inf
        code |= not error <= tolerance
        process.say(
            f"{name}: largest difference {error:.1e} of the largest value (at most {tolerance})"
        )
    return int(code)


def _damaged(folder: Path) -> list[str]:
    """Returns the files with other checksums than on the card."""
    card = folder / CARD
    text = card.read_text("utf-8") if card.is_file() else ""
    rows = re.findall(r"^    ([0-9a-f]{64})  (.+)$", text, re.MULTILINE)
    return [
        name
        for sha256, name in rows
        if not (folder / name).is_file() or atomic_files.sha256(folder / name) != sha256
    ]


def _compared(first, second):
    """Names and values of what both compute from the same normal numbers."""
    random = np.random.RandomState(0)
    z = random.randn(_NUM_IMAGES, first.z_dim).astype("float32")
    w = np.asarray(first.mapping(z))
    yield "w", w, np.asarray(second.mapping(z))
    # Each layer has a latent of its own, so that no two can be exchanged.
    scale = random.uniform(0.5, 1.5, (_NUM_IMAGES, first.num_ws, 1)).astype("float32")
    ws = w[:, None] * scale
    yield "images", np.asarray(first.synthesis(ws)), np.asarray(second.synthesis(ws))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
