"""What repeats a run elsewhere: its flagfile, its Python lines, and the archive of its files."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

from brgm_tf.cli.run_flags import CONFIG_FLAGS
from brgm_tf.pipeline.config import Config

FLAGFILE, SCRIPT = "run.cfg", "run.py"


def flags_of(config: Config, *, picture: str, mask: str | None) -> str:
    """Returns the flagfile of a run: flags that differ from their defaults, one a line.

    Args:
        config: configuration of the run.
        picture: path of the input, or 'example:NAME'.
        mask: path of its mask, or None.

    Example:
        >>> print(flags_of(Config("downsample(factor=8)"), picture="a.png", mask=None), end="")
        --input=a.png
        --corruption=downsample(factor=8)
        --output_dir=results
    """
    lines = [f"--input={picture}", *([f"--masks={mask}"] if mask else [])]
    lines += [f"--{_flag_of(name)}={value}" for name, value in changed_fields(config).items()]
    lines += [f"--{name}={value}" for name, value in config.overrides.items() if value is not None]
    return "\n".join([*lines, "--output_dir=results"]) + "\n"


def script_of(config: Config, *, picture: str, mask: str | None) -> str:
    """Returns the Python lines that repeat a run.

    Args:
        config: configuration of the run.
        picture: path of the input, or 'example:NAME'.
        mask: path of its mask, or None.

    Example:
        >>> print(script_of(Config("downsample(factor=8)"), picture="a.png", mask=None), end="")
        import brgm_tf as bt
        <BLANKLINE>
        restoration = bt.restore(
            "a.png",
            corruption="downsample(factor=8)",
        )
        print(restoration[0].metrics)
        restoration.save("results")
    """
    options = changed_fields(config)
    overrides = {name: value for name, value in config.overrides.items() if value is not None}
    arguments = [
        *([f"masks={_quoted(mask)}"] if mask else []),
        *(f"{name}={_quoted(value)}" for name, value in options.items()),
        *([f"overrides={overrides!r}"] if overrides else []),
    ]
    lines = [
        "import brgm_tf as bt",
        "",
        "restoration = bt.restore(",
        f"    {_quoted(picture)},",
        *(f"    {argument}," for argument in arguments),
        ")",
        "print(restoration[0].metrics)",
        'restoration.save("results")',
    ]
    return "\n".join(lines) + "\n"


def changed_fields(config: Config) -> dict[str, object]:
    """Returns the fields of a configuration that have flags and differ from the defaults."""
    default = Config(estimator=config.estimator)
    names = set(CONFIG_FLAGS.values())
    changed = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        # The default of the objective depends on the estimator.
        base = field.default if field.name == "estimator" else getattr(default, field.name)
        if field.name in names and value != base:
            changed[field.name] = value
    return changed


def write_archive(path: Path, *, results: Path, sources: list[Path], texts: dict[str, str]) -> Path:
    """Writes the archive of a run; returns its path.

    Args:
        path: path of the archive.
        results: folder of the results.
        sources: the input and the mask.
        texts: further files by name.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text)
        for source in sources:
            archive.write(source, source.name)
        for file in sorted(results.rglob("*")):
            if file.is_file():
                archive.write(file, Path("results") / file.relative_to(results))
    return path


def _quoted(value: object) -> str:
    """Returns a value as Python writes it, with double quotes around text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _flag_of(field: str) -> str:
    return next(flag for flag, name in CONFIG_FLAGS.items() if name == field)
