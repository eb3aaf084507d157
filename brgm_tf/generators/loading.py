"""Handles of generators -> the loaded objects.

A handle is a name of `catalogue.GENERATORS` or what `handles` reads. Resolution and
channels are found without TensorFlow, so that inputs are checked before it is imported;
only a SavedModel whose signatures leave them open has to be loaded for that.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from brgm_tf.core import atomic_files
from brgm_tf.core.cache import Progress
from brgm_tf.core.errors import InputError
from brgm_tf.weights import fetching, handles, http, unpacking
from brgm_tf.weights.catalogue import GENERATORS, GeneratorRow
from brgm_tf.weights.formats import detect, identify, saved_model
from brgm_tf.weights.handles import Handle
from brgm_tf.weights.pypi_table import PACKAGES

_ARGUMENT = "generator"


def check_generator(handle) -> None:
    """Checks a handle as far as no file is read and nothing is fetched.

    Raises:
        InputError: there is no such name or path, or the address is of no known kind.
    """
    if not hasattr(handle, "synthesis"):
        _find(handle)


def describe_generator(handle, *, progress: Progress | None = None) -> GeneratorRow:
    """Resolution and channels of a generator, given by its handle or as the loaded object.

    What has an address is fetched for that, the first time.

    Args:
        handle: as for `load_generator`.
        progress: called with a line for each thing worth telling.

    Raises:
        InputError: there is no such generator, or it cannot be read.
    """
    if hasattr(handle, "synthesis"):
        return GeneratorRow(handle.resolution, handle.channels, "", type(handle).__name__)
    row, place = _find(handle)
    if row is not None and (place is None or not place.is_remote):
        return row
    path = _local_model(place, progress=progress)
    return GeneratorRow(*_image_size(path), "", row.help if row else path.name)


def load_generator(handle, *, network: str = "G_ema", progress: Progress | None = None):
    """Loads a generator, fetching it the first time.

    Args:
        handle: a name of `GENERATORS`; a file (a pickle of NVIDIA's, a checkpoint of
            rosinality's) or folder (of `save_preset`, or a SavedModel), also in an archive
            (.zip, .tar.gz); its https:// or gs:// address; a handle of TF-Hub.
            '#sha256=...' behind it has a file checked. A loaded generator is returned as it is.
        network: of a checkpoint's networks 'G_ema', the moving average over training (Gs in
            TensorFlow), or 'G'.
        progress: called with a line for each thing worth telling.

    Returns:
        A `generators.base.Generator`.

    Raises:
        InputError: there is no such generator, or it cannot be fetched or read.
    """
    if hasattr(handle, "synthesis"):
        return handle
    row, place = _find(handle)
    if place is None:
        _check_only(network)
        return _load_mobile(row.weights, progress=progress)
    path = _local_model(place, progress=progress)
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
    """Raises unless the network is the one that everything has."""
    if network != "G_ema":
        raise InputError(
            "network", "must be G_ema for a generator that is the only one", network=network
        )


def origin_of(handle) -> dict[str, str]:
    """Where a generator is from: 'source', 'licence', and 'sha256' of a file or package.

    Args:
        handle: as for `load_generator`; what it stands for is there already.
    """
    row, place = _find(handle)
    if place is None:
        package = PACKAGES[row.weights]
        return {
            "source": package.requirement,
            "licence": package.licence,
            "sha256": package.sha256,
        }
    path = handles.local_path(place, argument=_ARGUMENT)
    known = {
        "source": place.location if place.is_remote else path.name,
        "licence": row.licence if row else "",
    }
    return known | ({"sha256": atomic_files.sha256(path)} if path.is_file() else {})


def list_generators() -> str:
    """A few lines a generator that has a name: resolution, where from, cached or not, licence."""
    return "".join(_listed(name, row) for name, row in GENERATORS.items())


def _find(handle) -> tuple[GeneratorRow | None, Handle | None]:
    """The row of a name, if it is one; and where it is, unless the package index has it."""
    if not isinstance(handle, str | os.PathLike):
        raise InputError(_ARGUMENT, "must be a handle or a generator", generator=handle)
    place = handles.parse(handle, argument=_ARGUMENT)
    row = GENERATORS.get(place.location)
    if row is None:
        if not place.is_remote and not Path(place.location).expanduser().exists():
            raise InputError(
                _ARGUMENT,
                "must be a file or folder, an https:// or gs:// address, or one of "
                + ", ".join(GENERATORS),
                generator=place.location,
            )
        return None, place
    if row.source:
        source = handles.parse(row.source, argument=_ARGUMENT)
        return row, dataclasses.replace(source, sha256=place.sha256 or source.sha256)
    if place.sha256:
        raise InputError(
            _ARGUMENT, "has checksums of its own and takes none", generator=place.location
        )
    return row, None


def _local_model(place: Handle, *, progress) -> Path:
    """The file or folder of a handle, out of its archive if it is in one."""
    told = {"progress": progress, "argument": _ARGUMENT}
    return unpacking.unpack_model(handles.local_path(place, **told), **told)


def _image_size(path: Path) -> tuple[int, int]:
    """Resolution and channels of the generator in a file or folder."""
    kind = detect.kind(path, argument=_ARGUMENT)
    if kind == "preset":
        return _image_size_of_preset(path)
    if kind == "saved_model":
        found = saved_model.signatures(path, argument=_ARGUMENT)
        _, synthesis = saved_model.find_roles(found, argument=_ARGUMENT)
        size = saved_model.image_size(saved_model.image_output(found[synthesis])[1])
        if size is not None:
            return size
        generator = _load_saved_model(path, progress=None)
        return generator.resolution, generator.channels
    config = identify.read(path, argument=_ARGUMENT).config
    return config["resolution"], config["channels"]


def _image_size_of_preset(folder: Path) -> tuple[int, int]:
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))["config"]
        return int(config["resolution"]), int(config["channels"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            _ARGUMENT, f"must have a usable config.json ({error!r})", generator=str(folder)
        ) from None


def _load_mobile(weights: str, *, progress):
    from brgm_tf.generators import mobile_stylegan

    arrays = fetching.load_converted(
        weights,
        mobile_stylegan.read_arrays,
        mobile_stylegan.ARRAYS_VERSION,
        progress=progress,
        argument=_ARGUMENT,
    )
    return mobile_stylegan.MobileStyleGAN(arrays)


def _load_saved_model(path: Path, *, progress):
    from brgm_tf.generators.saved_model import SavedModelGenerator

    generator = SavedModelGenerator(path, argument=_ARGUMENT)
    if generator.num_ws == 1 and progress is not None:
        progress("this generator takes one latent an image: there is no W+, one for each layer")
    return generator


def _listed(name: str, row: GeneratorRow) -> str:
    size = f"{row.resolution} x {row.resolution}"
    colours = {1: ", grey", 3: ", RGB"}.get(row.channels, "")
    origin, licence = row.source, row.licence
    if row.weights:
        status = fetching.status(row.weights)
        origin, licence = f"{status.requirement}, {status.homepage}", status.licence
        state = "cached" if status.cached else "not cached"
    else:
        place = handles.parse(row.source)
        cached = "cached" if http.is_cached(place.location) else "not cached"
        state = cached if place.is_remote else "bundled"
    tried = "" if row.tried else " (not tried from here)"
    return f"{name}: {size}{colours}, {state}\n    {row.help}\n    {origin}{tried}\n    {licence}\n"
