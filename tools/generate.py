"""Draws images from a generator: `python tools/generate.py samples --generator=HANDLE grid.png`.

    samples        one image for each seed
    interpolation  a row from each seed to the next, in w
    mixing         rows of --seeds and columns of --column_seeds; the layers --layers take the
                   latents of the column

Seeds are compatible with the originals: z = numpy.random.RandomState(seed).randn(1, Z).
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
from brgm_tf.generators.classes import class_index, of_class
from brgm_tf.generators.loading import describe_generator, load_generator
from brgm_tf.io import images
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR

_BATCH = 4


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 2 for an unusable argument."""
    options = _parser().parse_args(arguments)
    try:
        row = describe_generator(options.generator, progress=process.say)
        class_index(options.class_label, num_classes=row.num_classes, names=row.class_names)
        process.import_quietly("tensorflow")
        generator = load_generator(options.generator, progress=process.say)
        generator = of_class(generator, options.class_label)
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
    """Joins images [B, H, W, C] as [rows H, columns W, C]; empty cells are white."""
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
    """Returns a table: first row and column unmixed, the other cells mixed."""
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
    """Returns the truncated latents ws [B, L, D] of seeds: mean + truncation (w - mean)."""
    z = np.concatenate([np.random.RandomState(seed).randn(1, generator.z_dim) for seed in seeds])
    w = np.asarray(generator.mapping(z.astype("float32")))
    if truncation != 1:
        mean = _mean(generator)
        w = mean + np.float32(truncation) * (w - mean)
    return np.repeat(w[:, None], generator.num_ws, axis=1)


def _mean(generator) -> np.ndarray:
    mean = getattr(generator, "w_avg", None)
    mean = generator.latent_statistics().mean if mean is None else mean
    return np.asarray(mean, "float32")


def _numbers(text: str) -> list[int]:
    """Returns [1, 4, 5, 6] for '1,4-6'."""
    numbers = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    if not numbers or max(numbers) >= 2**32:
        raise ValueError
    return numbers


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("mode", choices=_MODES, help="Kind of picture")
    parser.add_argument("output", help="Path of the picture")
    parser.add_argument("--generator", default=DEFAULT_GENERATOR, help="Handle of the generator")
    parser.add_argument(
        "--class", dest="class_label", help="Class of a conditional generator: its index or name"
    )
    parser.add_argument(
        "--seeds", type=_numbers, default=_numbers("0-8"), help="Seeds, such as 1,4-6"
    )
    parser.add_argument(
        "--truncation", type=float, default=1.0, help="Truncation, 0 for the mean latent"
    )
    parser.add_argument(
        "--columns", type=process.positive, help="Columns of samples (default: square)"
    )
    parser.add_argument(
        "--steps", type=process.positive, default=8, help="Images of an interpolation"
    )
    parser.add_argument(
        "--column_seeds",
        type=_numbers,
        default=_numbers("100-103"),
        help="Seeds of the columns of mixing",
    )
    parser.add_argument(
        "--layers", type=_numbers, default=_numbers("0-3"), help="Mixed layers; 0 is the coarsest"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
