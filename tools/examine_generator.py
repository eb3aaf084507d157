"""Examines the quality of a trained generator: python tools/examine_generator.py.

    python tools/examine_generator.py GENERATOR OUTPUT --train FOLDER --held_out FOLDER

OUTPUT holds samples.png (64 samples), neighbours.png (samples and their nearest training images),
projections.png (held-out images and their projections to W+) and examination.json:

    frechet_vgg16            Fréchet distance between samples and held-out images, in equal number
    frechet_vgg16_real       Fréchet distance between training and held-out images
    diversity, ..._real      mean LPIPS between two samples; between two held-out images
    nearest, ..._real        median LPIPS from a sample to the nearest training image; from a
                             held-out image to the nearest training image. The first is far below
                             the second if the generator copies.
    projection_lpips, _rmse  errors of held-out images projected to W+, RMSE in grey levels

The search for the nearest image by LPIPS covers the 20 nearest images by RMSE.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brgm_tf.cli import process
from brgm_tf.core.errors import InputError
from brgm_tf.generators.loading import describe_generator, load_generator
from brgm_tf.io import images, output_folder
from brgm_tf.perceptual.loading import load_perceptual
from brgm_tf.training import data

_BATCH = 32
_SHORTLIST = 20
_SHOWN, _NEIGHBOURS = 8, 3
_PAIRS = 256
_MIN_HELD_OUT = 64  # number of held-out images with nearest neighbours


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 2 for an unusable argument."""
    options = _parser().parse_args(arguments)
    try:
        row = describe_generator(options.generator)
        size = {"resolution": row.resolution, "channels": row.channels}
        train = images.from_uint8(data.load(options.train, **size, argument="train"))
        held_out = images.from_uint8(data.load(options.held_out, **size, argument="held_out"))
        needed = max(_MIN_HELD_OUT, options.num_projected)
        if len(held_out) < needed:
            raise InputError(
                "held_out", f"must hold at least {needed} images", received=len(held_out)
            )
        folder = output_folder.check_writable(options.output, argument="output")
        process.import_quietly("tensorflow")
        report = _examine(options, train, held_out, folder)
    except InputError as error:
        process.say(f"error: --{error.argument}: {error}")
        return process.UNUSABLE
    text = json.dumps(report, indent=2) + "\n"
    (folder / "examination.json").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0


def _examine(options, train, held_out, folder: Path) -> dict[str, float]:
    from brgm_tf.training.frechet import Distance

    generator = load_generator(options.generator)
    perceptual = load_perceptual(progress=lambda line: sys.stderr.write(line + "\n"))
    lpips = LPIPS(perceptual)
    samples = drawn(generator, len(held_out))
    save_grid(folder / "samples.png", samples[:64], columns=8)
    frechet = Distance(images.to_uint8(held_out), features=perceptual.features)
    figures = {
        "frechet_vgg16": frechet(samples),
        "frechet_vgg16_real": frechet.floor(images.to_uint8(train)),
        "diversity": lpips.between(samples[:_PAIRS], samples[::-1][:_PAIRS]).mean(),
        "diversity_real": lpips.between(held_out[:_PAIRS], held_out[::-1][:_PAIRS]).mean(),
    }
    for name, some in (
        ("nearest", samples[:64]),
        ("nearest_real", held_out[:: len(held_out) // _MIN_HELD_OUT]),
    ):
        order, distances = nearest(some, train, lpips=lpips)
        figures[name] = np.median(distances[:, 0])
        if name == "nearest":
            rows = [[samples[i], *train[order[i, :_NEIGHBOURS]]] for i in range(2 * _SHOWN)]
            columns = 2 * (1 + _NEIGHBOURS)
            save_grid(folder / "neighbours.png", np.concatenate(rows), columns=columns)
    count = options.num_projected
    chosen = held_out[:: len(held_out) // count][:count]
    figures |= _project(generator, chosen, folder, num_steps=options.num_steps)
    return {name: round(float(value), 4) for name, value in figures.items()}


class LPIPS:
    """LPIPS of many pairs, in batches of one compiled program."""

    def __init__(self, perceptual):
        from brgm_tf.core.compilation import compiled

        self._perceptual = perceptual
        self._distance = compiled(perceptual, jit=True)
        self._to_first = compiled(self._distances_to_first, jit=True)

    def between(self, first, second) -> np.ndarray:
        """Returns [N] for pairs [N, H, W, C]."""
        distances = []
        for start in range(0, len(first), _BATCH):
            a, b = (part[start : start + _BATCH] for part in (first, second))
            padding = ((0, _BATCH - len(a)), (0, 0), (0, 0), (0, 0))
            values = self._distance(*(np.pad(part, padding) for part in (a, b)))
            distances.append(np.asarray(values)[: len(a)])
        return np.concatenate(distances)

    def to(self, image, others) -> np.ndarray:
        """Returns [M] from an image [H, W, C] to others [M, H, W, C], in one batch."""
        return np.asarray(self._to_first(np.concatenate([image[None], others])))

    def _distances_to_first(self, pictures):
        from brgm_tf.perceptual.lpips import distance

        features = self._perceptual.features(pictures)
        return distance([each[:1] for each in features], [each[1:] for each in features])


def nearest(some, others, *, lpips: LPIPS) -> tuple[np.ndarray, np.ndarray]:
    """Returns indices and LPIPS of the nearest other images, nearest first.

    Args:
        some: Images [N, H, W, C].
        others: Other images [M, H, W, C].
        lpips: The distance.

    Returns:
        Two arrays [N, min(M, 20)].
    """
    orders, distances = [], []
    flat = others.reshape(len(others), -1)
    for image in some:
        squared = np.square(flat - image.reshape(-1)).sum(axis=1)
        shortlist = np.argsort(squared)[:_SHORTLIST]
        values = lpips.to(image, others[shortlist])
        order = np.argsort(values)
        orders.append(shortlist[order])
        process.say(f"nearest: {len(orders)} of {len(some)}")
        distances.append(values[order])
    return np.stack(orders), np.stack(distances)


def drawn(generator, count: int) -> np.ndarray:
    """Draws images [count, H, W, C] in [-1, 1], without truncation."""
    z = np.random.default_rng(0).standard_normal((count, generator.z_dim), "float32")
    parts = []
    for start in range(0, count, _BATCH):
        w = np.asarray(generator.mapping(z[start : start + _BATCH]))
        ws = np.repeat(w[:, None], generator.num_ws, axis=1)
        parts.append(np.asarray(generator.synthesis(ws)))
    return np.clip(np.concatenate(parts), -1, 1)


def _project(generator, truth, folder: Path, *, num_steps: int) -> dict[str, float]:
    from brgm_tf import restore

    result = restore(
        truth,
        corruption="none",
        generator=generator,
        input_kind="clean",
        num_steps=num_steps,
        batch_size=8,
        progress=lambda step: process.say(f"projected: step {step.step} of {num_steps}"),
    )
    rows = [part for pair in zip(truth, result.reconstructions, strict=True) for part in pair]
    save_grid(folder / "projections.png", np.clip(np.stack(rows), -1, 1), columns=8)
    figures = [image.metrics for image in result.images]
    return {f"projection_{key}": np.mean([f[key] for f in figures]) for key in ("lpips", "rmse")}


def save_grid(path: Path, pictures, *, columns: int) -> None:
    """Writes images [N, H, W, C] in [-1, 1] as one; N is a multiple of the columns."""
    _, height, width, channels = pictures.shape
    cells = pictures.reshape(-1, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    images.save_image(path, cells.reshape(-1, columns * width, channels))


def _fours(text: str) -> int:
    if process.positive(text) % 4:
        raise argparse.ArgumentTypeError("must be a multiple of 4, to fill whole rows")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("generator", help="Handle of the generator")
    parser.add_argument("output", help="Folder of the results")
    parser.add_argument("--train", required=True, help="Training images")
    parser.add_argument("--held_out", required=True, help="Held-out images")
    parser.add_argument(
        "--num_projected",
        type=_fours,
        default=16,
        help="Number of projected images, a multiple of 4",
    )
    parser.add_argument(
        "--num_steps", type=process.positive, default=350, help="Number of steps of a projection"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
