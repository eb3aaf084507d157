"""Study of human preference: a page for raters, and strengths from their answers.

    python tools/preference_study.py page OUTPUT --task='16 x 16' --truth TRUTHS \
        --methods brgm_tf=RESTORED bicubic=BICUBIC
    python tools/preference_study.py fit OUTPUT --keys STUDY/key.json --answers answers-*.csv

`page` writes study.html, one file that needs no network, and key.json. A rater opens study.html in
a browser and chooses the better of two pictures, for all pairs of methods of each image, in random
order. The page does not contain the names of the methods. Keep key.json from the raters. The
browser saves the answers as a CSV file.

`fit` writes table.csv, table.md and figure.png: the fraction of answers that prefer each method,
with Wilson's 95 % intervals, and Bradley-Terry strengths with 95 % intervals. Several keys make
several groups of bars. The intervals assume independent answers.

    --methods    NAME=FOLDER for each method. A picture of an image is FOLDER/IMAGE.png, or
                 FOLDER/IMAGE/merged.png or reconstruction.png, as a run writes them
    --truth      folder of the true images, in the same form; without it, raters choose the more
                 natural picture
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from preference import answers, figure, study, tables

from brgm_tf.cli import process
from brgm_tf.core import atomic_files
from brgm_tf.core.errors import InputError
from brgm_tf.io import output_folder


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 2 for an unusable argument."""
    options = _parser().parse_args(arguments)
    try:
        folder = output_folder.check_writable(options.output, argument="output")
        names = options.command(options, folder)
    except InputError as error:
        process.say(f"error: --{error.argument}: {error}")
        return process.UNUSABLE
    for name in names:
        sys.stdout.write(f"{folder / name}\n")
    return 0


def _page(options: argparse.Namespace, folder: Path) -> list[str]:
    made = study.make(
        dict(options.methods),
        truth=options.truth,
        task=options.task,
        pairs=options.pairs,
        seed=options.seed,
    )
    atomic_files.write(folder / "study.html", made.html.encode("utf-8"))
    atomic_files.write(folder / "key.json", made.key.to_json().encode("utf-8"))
    return ["study.html", "key.json"]


def _fit(options: argparse.Namespace, folder: Path) -> list[str]:
    keys = [study.Key.read(path) for path in options.keys]
    counts = answers.count(options.answers, keys=keys)
    rows = tables.rows(counts, pseudo_answers=options.pseudo_answers)
    atomic_files.write(folder / "table.csv", tables.csv_of(rows).encode("utf-8"))
    atomic_files.write(folder / "table.md", tables.markdown_of(rows).encode("utf-8"))
    atomic_files.write(folder / "figure.png", figure.png_of(rows))
    return ["table.md", "figure.png"]


def _method(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not name or not separator or not folder:
        raise argparse.ArgumentTypeError(f"must be NAME=FOLDER. Received: {text!r}")
    return name, Path(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    page = commands.add_parser("page", help="Write the page of a study")
    page.set_defaults(command=_page)
    page.add_argument("output", help="Folder of study.html and key.json")
    page.add_argument("--methods", nargs="+", type=_method, required=True, help="NAME=FOLDER")
    page.add_argument("--truth", type=Path, help="Folder of the true images")
    page.add_argument("--task", default="all", help="Name of the group of bars")
    page.add_argument("--pairs", type=process.positive, help="Pairs for each rater (default: all)")
    page.add_argument("--seed", type=int, default=0, help="Seed of the codes of the methods")
    fit = commands.add_parser("fit", help="Fit strengths to the answers, and draw the figure")
    fit.set_defaults(command=_fit)
    fit.add_argument("output", help="Folder of the table and the figure")
    fit.add_argument("--keys", nargs="+", type=Path, required=True, help="Files key.json")
    fit.add_argument("--answers", nargs="+", type=Path, required=True, help="Files of answers")
    fit.add_argument(
        "--pseudo_answers",
        type=float,
        default=0.0,
        help="Additional answers of each pair, half for either method; needed if a method never or "
        "always wins",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
