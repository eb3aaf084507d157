"""Draws from a generator: `python tools/generate.py samples --generator=HANDLE grid.png`.

    samples        one image a seed
    interpolation  a row from each seed to the next one, in w
    mixing         rows of seeds, columns of others, whose latents the layers --layers take

Seeds are those of the originals: z = numpy.random.RandomState(seed).randn(1, Z).
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import describe_generator, load_generator
from brgm_tf.io import images
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR

_BATCH = 4


def main(arguments: list[str]) -> int:
    """Runs the command; 0, or 2 if something cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        describe_generator(options.generator, progress=process.say)
        process.import_quietly("tensorflow")
        generator = load_generator(options.generator, progress=process.say)
        ws, columns = _MODES[options.mode](generator, options)
        pictures = np.concatenate(
            [
                np.asarray(generator.synthesis(ws[first : first + _BATCH]))
                for first in range(0, len(ws), _BATCH)
            ]
        )
        images.save_image(options.output, grid(np.clip(pictures, -1, 1), columns=columns))
    except InputError as error:
        process.say(f"error: {error}")
        return process.UNUSABLE
    sys.stdout.write(f"{options.output}\n")
    return 0


def grid(pictures: np.ndarray, *, columns: int) -> np.ndarray:
    """Puts pictures [B, H, W, C] into rows [rows H, columns W, C]; white where none is left."""
    _, height, width, channels = pictures.shape
    rows = math.ceil(len(pictures) / columns)
    cells = np.ones((rows * columns, height, width, channels), pictures.dtype)
    cells[: len(pictures)] = pictures
    cells = cells.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return cells.reshape(rows * height, columns * width, channels)


def _samples(generator, options):
    ws = _latents(generator, options.seeds, truncation=options.truncation)
    return ws, options.columns or math.ceil(math.sqrt(len(ws)))


def _interpolation(generator, options):
    if len(options.seeds) < 2:
        raise InputError("seeds", "must be at least two", seeds=options.seeds)
    ws = _latents(generator, options.seeds, truncation=options.truncation)
    steps = np.linspace(0, 1, options.steps, dtype="float32")[:, None, None]
    rows = [a + steps * (b - a) for a, b in itertools.pairwise(ws)]
    return np.concatenate(rows), options.steps


def _mixing(generator, options):
    """The first row has the columns' images, the first column the rows', the rest both."""
    first, last = options.layers[0], options.layers[-1]
    if last >= generator.num_ws:
        raise InputError(
            "layers", f"must be below {generator.num_ws} for this generator", layers=(first, last)
        )
    rows = _latents(generator, options.seeds, truncation=options.truncation)
    columns = _latents(generator, options.column_seeds, truncation=options.truncation)
    mean = np.broadcast_to(_mean(generator), rows.shape[1:])
    table = [mean, *columns]
    for row in rows:
        table.append(row)
        for column in columns:
            mixed = row.copy()
            mixed[options.layers] = column[options.layers]
            table.append(mixed)
    return np.stack(table), 1 + len(columns)


_MODES = {"samples": _samples, "interpolation": _interpolation, "mixing": _mixing}


def _latents(generator, seeds: list[int], *, truncation: float) -> np.ndarray:
    """ws [B, L, D] of seeds, moved towards the mean: mean + truncation (w - mean)."""
    z = np.concatenate([np.random.RandomState(seed).randn(1, generator.z_dim) for seed in seeds])
    w = np.asarray(generator.mapping(z.astype("float32")))
    if truncation != 1:
        mean = _mean(generator)
        w = mean + np.float32(truncation) * (w - mean)
    return np.repeat(w[:, None], generator.num_ws, axis=1)


def _mean(generator) -> np.ndarray:
    checkpoint = getattr(generator, "w_avg", None)
    mean = generator.latent_statistics().mean if checkpoint is None else checkpoint
    return np.asarray(mean, "float32")


def _numbers(text: str) -> list[int]:
    """'1,4-6' -> [1, 4, 5, 6]."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    if not found or max(found) >= 2**32:
        raise ValueError
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=_MODES)
    parser.add_argument("output", help="picture to be written")
    parser.add_argument("--generator", default=DEFAULT_GENERATOR, help="handle of the generator")
    parser.add_argument("--seeds", type=_numbers, default=_numbers("0-8"), help="such as 1,4-6")
    parser.add_argument("--truncation", type=float, default=1.0, help="0 is the mean latent")
    parser.add_argument("--columns", type=process.positive, help="of samples (default: a square)")
    parser.add_argument("--steps", type=process.positive, default=8, help="images an interpolation")
    parser.add_argument(
        "--column_seeds", type=_numbers, default=_numbers("100-103"), help="of mixing"
    )
    parser.add_argument(
        "--layers", type=_numbers, default=_numbers("0-3"), help="of mixing: 0 is the coarsest"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
