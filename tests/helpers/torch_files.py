"""Pickles and PyTorch files, written instruction by instruction without pickle or torch."""

import io
import struct
import zipfile
from dataclasses import dataclass

MAGIC = 0x1950A86A20F9469CFC6C
# Names of storages in torch -> names of their dtypes in NumPy.
STORAGES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "ByteStorage": "u1"}


@dataclass(frozen=True)
class Name:
    """A class or function by name."""

    module: str
    name: str


@dataclass(frozen=True)
class Call:
    """function(*args), with an optional state of the result."""

    function: Name
    args: tuple = ()
    state: object = None


@dataclass(frozen=True)
class Outside:
    """An object outside the pickle, by its persistent id."""

    key: object


@dataclass(frozen=True)
class Raw:
    """Raw instructions."""

    code: bytes


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def code(value) -> bytes:
    """Returns the instructions that put `value` on the stack."""
    match value:
        case Raw():
            return value.code
        case Name():
            return f"c{value.module}\n{value.name}\n".encode()
        case Call():
            made = code(value.function) + code(value.args) + b"R"
            return made if value.state is None else made + code(value.state) + b"b"
        case Outside():
            return code(value.key) + b"Q"
        case None | True | False:
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        case int():
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            return text(value)
        case bytes() | memoryview():
            return b"B" + struct.pack("<I", len(value)) + value
        case tuple():
            return b"(" + b"".join(map(code, value)) + b"t"
        case list():
            return b"](" + b"".join(map(code, value)) + b"e"
        case dict():
            return b"}(" + b"".join(code(part) for pair in value.items() for part in pair) + b"u"
    raise TypeError(type(value))


def program(value) -> bytes:
    """Returns the pickle of `value`."""
    return b"\x80\x03" + code(value) + b"."


def dtype(name: str, *, order: str = "<") -> Call:
    state = (3, order, None, None, None, -1, -1, 0)
    return Call(Name("numpy", "dtype"), (name, False, True), state)


def array(shape: tuple, data: bytes, *, of: object = None, fortran: bool = False) -> Call:
    """Returns a NumPy array, of float32 by default."""
    of = dtype("f4") if of is None else of
    empty = (Name("numpy", "ndarray"), (0,), b"b")
    state = (1, shape, of, fortran, data)
    return Call(Name("numpy.core.multiarray", "_reconstruct"), empty, state)


def storage(key: str, count: int, *, kind: str = "FloatStorage", view: object = ()) -> Outside:
    """Returns a storage; `view` is for legacy files, where None means no view."""
    view = view if view == () else (view,)
    return Outside(("storage", Name("torch", kind), key, "cpu", count, *view))


def tensor(values: object, size: tuple, stride: tuple, *, offset: int = 0) -> Call:
    """Returns a tensor over a storage."""
    args = (values, offset, size, stride, False, Call(Name("collections", "OrderedDict")))
    return Call(Name("torch._utils", "_rebuild_tensor_v2"), args)


def zipped(value, storages: dict[str, bytes], *, root: str = "archive", extra=()) -> bytes:
    """Returns a file as torch.save writes it since version 1.6."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(f"{root}/data.pkl", program(value))
        archive.writestr(f"{root}/byteorder", "little")
        for key, data in storages.items():
            archive.writestr(f"{root}/data/{key}", data)
        for name, data in dict(extra).items():
            archive.writestr(name, data)
    return file.getvalue()


def legacy(
    value, storages: dict[str, bytes], *, item: int = 4, header: dict | None = None
) -> bytes:
    """Returns a file as torch.save wrote it before version 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [MAGIC, 1001, system if header is None else header, value, list(storages)]
    numbers = [struct.pack("<q", len(data) // item) + data for data in storages.values()]
    return b"".join([*map(program, parts), *numbers])
