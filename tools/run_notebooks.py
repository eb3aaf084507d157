"""Writes and runs the notebooks: python tools/run_notebooks.py.

    python tools/run_notebooks.py --write       # notebooks/NAME.ipynb from notebooks/NAME.py
    python tools/run_notebooks.py               # few steps, without `FULL_ONLY`
    python tools/run_notebooks.py 1_map --steps=full

notebooks/NAME.py is the source, in the percent format of jupytext, and NAME.ipynb is the same
notebook without outputs. A cell that fails, or that warns, ends the run with exit code 1. The
documentation site shows the notebooks of build/notebooks.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
EXECUTED = ROOT / "build" / "notebooks"
# Values of the cell with the tag 'parameters' that make a run short.
FEW = {"NUM_STEPS": 6, "NUM_TRUTHS": 2, "KIMG": 0.064}
# Left out of a run of all notebooks with few steps: variational inference takes two minutes, a face
# of 1024 x 1024 pixels more.
FULL_ONLY = ("2_variational", "3_own_image")
_PARAMETERS = "parameters"
_WARNING = re.compile(r"\b\w*Warning: .*")
# Programs run a few times, so fast compilation matters more than fast programs.
_XLA_FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
_TIMEOUT = 1800  # seconds of a cell
_STARTUP_TIMEOUT = 300  # seconds
_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def main(arguments: list[str]) -> int:
    """Runs the command; returns 0, or 1 if a notebook fails."""
    options = _parser().parse_args(arguments)
    left_out = FULL_ONLY if options.steps == "few" and not options.write else ()
    every = [path.stem for path in sorted(FOLDER.glob("*.py"))]
    names = options.notebooks or [name for name in every if name not in left_out]
    if options.write:
        for name in names:
            (FOLDER / f"{name}.ipynb").write_text(notebook_text(name), "utf-8")
        return 0
    EXECUTED.mkdir(parents=True, exist_ok=True)
    if options.steps == "few":
        os.environ.setdefault("XLA_FLAGS", _XLA_FLAGS)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    paths = [os.fspath(ROOT), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    if stale := [name for name in names if not is_written(name)]:
        sys.stderr.write(f"{', '.join(stale)}: run tools/run_notebooks.py --write first\n")
        return 1
    values = FEW if options.steps == "few" else {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        problems = list(pool.map(lambda name: run(name, values), names))
    return 1 if any(problems) else 0


def notebook(name: str) -> Any:
    """Returns a notebook without outputs, as a node of nbformat."""
    import jupytext

    text = (FOLDER / f"{name}.py").read_text("utf-8")
    made = jupytext.reads(text, fmt="py:percent")
    if (address := repository()) is not None:
        owner = address.rstrip("/").removeprefix("https://github.com/")
        link = f"https://colab.research.google.com/github/{owner}/blob/main/notebooks/{name}.ipynb"
        made.cells[0].source += f"\n\n[![Open in Colab]({_BADGE})]({link})"
    made.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    return made


def notebook_text(name: str) -> str:
    """Returns the text of NAME.ipynb."""
    import nbformat

    return nbformat.writes(notebook(name), indent=1) + "\n"


def is_written(name: str) -> bool:
    """Returns whether NAME.ipynb is the notebook in NAME.py."""
    path = FOLDER / f"{name}.ipynb"
    return path.is_file() and path.read_text("utf-8") == notebook_text(name)


def repository() -> str | None:
    """Returns the address of the repository in pyproject.toml, or None."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project.get("urls", {}).get("Repository")


def run(name: str, values: dict[str, object]) -> list[str]:
    """Runs a notebook, writes it with its outputs, and returns the problems.

    Args:
        name: Name of the notebook.
        values: Values that replace the values of the same names in the cell of parameters.
    """
    import nbclient
    import nbformat
    from traitlets.config import Config

    made = notebook(name)
    for cell in made.cells:
        if _PARAMETERS in cell.metadata.get("tags", []):
            cell.source = with_values(cell.source, values)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets in a folder, because TCP ports are open to other users of the machine.
        manager = {"transport": "ipc", "ip": os.path.join(sockets, "kernel")}
        client = nbclient.NotebookClient(
            made,
            timeout=_TIMEOUT,
            startup_timeout=_STARTUP_TIMEOUT,
            resources={"metadata": {"path": os.fspath(FOLDER)}},
            config=Config({"KernelManager": manager}),
        )
        try:
            client.execute()
            problems = warnings_of(made)
        except nbclient.exceptions.CellExecutionError as error:
            problems = [str(error)]
    nbformat.write(made, EXECUTED / f"{name}.ipynb")
    for problem in problems:
        sys.stderr.write(f"{name}: {problem}\n")
    sys.stdout.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    return problems


def with_values(source: str, values: dict[str, object]) -> str:
    """Returns assignments with other values.

    Example:
        >>> with_values("KIMG = 20\\nNUM_STEPS = 60", {"KIMG": 1})
        'KIMG = 1\\nNUM_STEPS = 60'
    """
    lines = []
    for line in source.splitlines():
        name = line.partition(" = ")[0]
        lines.append(f"{name} = {values[name]}" if name in values else line)
    return "\n".join(lines)


def warnings_of(executed: Any) -> list[str]:
    """Returns the warnings in the outputs of a notebook."""
    texts = [
        output["text"]
        for cell in executed.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stderr"
    ]
    return [match for text in texts for match in _WARNING.findall(text)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", help="Names, such as 1_map (default: all)")
    parser.add_argument("--write", action="store_true", help="Write notebooks/NAME.ipynb, and end")
    parser.add_argument("--steps", choices=("few", "full"), default="few", help="Number of steps")
    parser.add_argument("--jobs", type=int, default=2, help="Notebooks that run at a time")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
