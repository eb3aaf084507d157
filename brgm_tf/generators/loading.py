"""Loading of generators by their handles.

A handle is a name in `catalogue.GENERATORS`, or a path or address that `handles` parses.
Resolution and channels are read without TensorFlow, so that inputs are checked before it is
imported. Only a SavedModel with open sizes in its signatures must be loaded for that.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from brgm_tf.core import atomic_files
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.generators.classes import num_classes_of, of_class
from brgm_tf.weights import fetching, handles, http, unpacking
from brgm_tf.weights.catalogue import GENERATORS, GeneratorRow
from brgm_tf.weights.formats import detect, identify, saved_model
from brgm_tf.weights.handles import Handle
from brgm_tf.weights.package_table import PACKAGES

_ARGUMENT = "generator"


def check_generator(handle: Any) -> None:
    """Checks a handle without reading or fetching a file.

    Raises:
        InputError: The name or path does not exist, or the kind of address is unknown.
    """
    if not hasattr(handle, "synthesis"):
        _find(handle)


def describe_generator(handle: Any, *, progress: Progress | None = None) -> GeneratorRow:
    """Returns the resolution and channels of a generator, by its handle or as an object.

    The first call for an address fetches the file.

    Args:
        handle: Handle or generator, as for `load_generator`.
        progress: Function that receives lines of text about the progress, or None.

    Raises:
        InputError: The generator does not exist or cannot be read.
    """
    if hasattr(handle, "synthesis"):
        return GeneratorRow(
            handle.resolution,
            handle.channels,
            "",
            type(handle).__name__,
            num_classes=num_classes_of(handle),
            class_names=tuple(getattr(handle, "class_names", ())),
        )
    row, location = _find(handle)
    if row is not None and (location is None or not location.is_remote):
        return row
    path = _local_model(_known(location), progress=progress)
    return GeneratorRow(**_facts(path), weights="", help=row.help if row else path.name)


def load_generator(
    handle: Any,
    *,
    network: str = "G_ema",
    class_label: int | str | None = None,
    progress: Progress | None = None,
) -> Any:
    """Loads a generator; the first call for an address fetches the file.

    Args:
        handle: One of the following. A suffix '#sha256=...' checks a file.

            - A name in `GENERATORS`.
            - The path of a file: a pickle of NVIDIA's or a checkpoint of rosinality's.
            - The path of a folder: from `save_preset`, or a SavedModel.
            - The path of an archive (.zip, .tar.gz) with one of these.
            - An `https://` or `gs://` address of one of these, or a TF-Hub handle.
            - A loaded generator, which is returned unchanged.
        network: Network of a checkpoint: 'G_ema', the moving average over training (Gs in
            TensorFlow), or 'G'. Default 'G_ema'.
        class_label: Index or name of a class of a conditional generator; None for all classes.
        progress: Function that receives lines of text about the progress, or None.

    Returns:
        A `generators.base.Generator`; with a class, a `generators.classes.ClassGenerator`.

    Raises:
        InputError: The generator does not exist, cannot be fetched or read, or has no such class.

    Example:
        >>> generator = load_generator("xray-64")
        >>> generator.resolution, generator.channels
        (64, 1)
    """
    generator = handle
    if not hasattr(handle, "synthesis"):
        generator = _load(handle, network=network, progress=progress)
    return generator if class_label is None else of_class(generator, class_label)


def _load(handle: str | os.PathLike[str], *, network: str, progress: Progress | None) -> Any:
    """Loads a generator by its handle."""
    row, location = _find(handle)
    if row is not None and location is None:
        _check_only(network)
        return _load_mobile(row.weights, progress=progress)
    path = _local_model(_known(location), progress=progress)
    kind = detect.kind(path, argument=_ARGUMENT)
    if kind in ("preset", "saved_model"):
        _check_only(network)
    if kind == "preset":
        from brgm_tf.generators.preset import load_preset

        return load_preset(path, argument=_ARGUMENT)
    if kind == "saved_model":
        return _load_saved_model(path, progress=progress)
    from brgm_tf.generators.checkpoints import read_stylegan2

    return read_stylegan2(path, argument=_ARGUMENT, network=network)


def _check_only(network: str) -> None:
    """Raises unless the network is the default."""
    if network != "G_ema":
        raise InputError(
            "network", "must be G_ema, because this generator has a single network", network=network
        )


def origin_of(handle: str | os.PathLike[str]) -> dict[str, str]:
    """Returns the 'source' and 'licence' of a generator, and the 'sha256' of a file or package.

    Args:
        handle: Handle as for `load_generator`, fetched before.
    """
    row, location = _find(handle)
    if row is not None and location is None:
        package = PACKAGES[row.weights]
        return {
            "source": package.requirement,
            "licence": package.licence,
            "sha256": package.sha256,
        }
    known = _known(location)
    path = handles.local_path(known, argument=_ARGUMENT)
    origin = {
        "source": known.location if known.is_remote else path.name,
        "licence": row.licence if row else "",
    }
    return origin | ({"sha256": atomic_files.sha256(path)} if path.is_file() else {})


def list_generators() -> str:
    """Returns the resolution, cache state, source and licence of each named generator, as text."""
    return "".join(_listed(name, row) for name, row in GENERATORS.items())


def _find(handle: str | os.PathLike[str]) -> tuple[GeneratorRow | None, Handle | None]:
    """Returns the row of a name, or None; and the location, or None for the package index."""
    if not isinstance(handle, str | os.PathLike):
        raise InputError(_ARGUMENT, "must be a handle or a generator", generator=handle)
    parsed = handles.parse(handle, argument=_ARGUMENT)
    row = GENERATORS.get(parsed.location)
    if row is None:
        if not parsed.is_remote and not Path(parsed.location).expanduser().exists():
            raise InputError(
                _ARGUMENT,
                "must be a file or folder, an https:// or gs:// address, or one of "
                + ", ".join(GENERATORS),
                generator=parsed.location,
            )
        return None, parsed
    if row.source:
        source = handles.parse(row.source, argument=_ARGUMENT)
        return row, dataclasses.replace(source, sha256=parsed.sha256 or source.sha256)
    if parsed.sha256:
        raise InputError(
            _ARGUMENT,
            "must be without a checksum, because its package has checksums",
            generator=parsed.location,
        )
    return row, None


def _known(location: Handle | None) -> Handle:
    """Returns the location that `_find` returns with a row of no package."""
    if location is None:
        raise InputError(_ARGUMENT, "must have a location")
    return location


def _local_model(location: Handle, *, progress: Any) -> Path:
    """Returns the file or folder of a handle, unpacked from an archive if necessary."""
    path = handles.local_path(location, progress=progress, argument=_ARGUMENT)
    return unpacking.unpack_model(path, progress=progress, argument=_ARGUMENT)


def _facts(path: Path) -> dict[str, Any]:
    """Returns the resolution, channels and classes of the generator in a file or folder."""
    kind = detect.kind(path, argument=_ARGUMENT)
    if kind == "preset":
        return _facts_of_preset(path)
    if kind == "saved_model":
        signatures = saved_model.signatures(path, argument=_ARGUMENT)
        _, synthesis = saved_model.find_roles(signatures, argument=_ARGUMENT)
        size = saved_model.image_size(saved_model.image_output(signatures[synthesis])[1])
        if size is None:
            generator = _load_saved_model(path, progress=None)
            size = generator.resolution, generator.channels
        return {"resolution": size[0], "channels": size[1]}
    return _facts_of_config(dict(identify.read(path, argument=_ARGUMENT).config))


def _facts_of_config(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "resolution": int(config["resolution"]),
        "channels": int(config["channels"]),
        "num_classes": int(config.get("c_dim", 0)),
    }


def _facts_of_preset(folder: Path) -> dict[str, Any]:
    try:
        text = json.loads((folder / "config.json").read_text("utf-8"))
        names = tuple(map(str, text.get("about", {}).get("class_names", ())))
        return _facts_of_config(text["config"]) | {"class_names": names}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            _ARGUMENT, f"must have a usable config.json ({error!r})", generator=str(folder)
        ) from None


def _load_mobile(weights: str, *, progress: Any) -> Any:
    from brgm_tf.generators import mobile_stylegan, mobile_stylegan_files

    arrays = fetching.load_converted(
        weights,
        mobile_stylegan_files.read_arrays,
        mobile_stylegan_files.ARRAYS_VERSION,
        progress=progress,
        argument=_ARGUMENT,
    )
    return mobile_stylegan.MobileStyleGAN(arrays)


def _load_saved_model(path: Path, *, progress: Any) -> Any:
    from brgm_tf.generators.saved_model import SavedModelGenerator

    generator = SavedModelGenerator(path, argument=_ARGUMENT)
    if generator.num_ws == 1 and progress is not None:
        progress("this generator takes one latent for each image, so W+ is not available")
    return generator


@dataclasses.dataclass(frozen=True)
class GeneratorFacts:
    """Facts about a named generator that are known without loading it.

    Args:
        size: Size and colours of its images, such as '64 x 64, grey'.
        state: 'bundled', 'cached' or 'not cached'.
        help: Description in one line.
        origin: Package or address that it comes from.
        licence: Permitted uses.
    """

    size: str
    state: str
    help: str
    origin: str
    licence: str


def generator_facts(name: str) -> GeneratorFacts:
    """Returns the facts about a generator of `GENERATORS`.

    Args:
        name: Name in `GENERATORS`.

    Example:
        >>> generator_facts("xray-64").size
        '64 x 64, grey'
    """
    row = GENERATORS[name]
    size = f"{row.resolution} x {row.resolution}"
    colours = "" if row.channels is None else {1: ", grey", 3: ", RGB"}[row.channels]
    origin, licence = row.source, row.licence
    if row.weights:
        status = fetching.status(row.weights)
        origin, licence = f"{status.requirement}, {status.homepage}", status.licence
        state = "cached" if status.cached else "not cached"
    else:
        location = handles.parse(row.source)
        cached = "cached" if http.is_cached(location.location) else "not cached"
        state = cached if location.is_remote else "bundled"
    return GeneratorFacts(size + colours, state, row.help, origin, licence)


def _listed(name: str, row: GeneratorRow) -> str:
    facts = generator_facts(name)
    tried = "" if row.tried else " (not tested)"
    return (
        f"{name}: {facts.size}, {facts.state}\n    {facts.help}\n"
        f"    {facts.origin}{tried}\n    {facts.licence}\n"
    )
