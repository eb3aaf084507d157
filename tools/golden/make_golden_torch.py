"""Makes tests/golden/torch-<version>-*: small files written by PyTorch.

    python3 -m venv VENV && VENV/bin/pip install torch==2.13.0 numpy
    VENV/bin/python tools/golden/make_golden_torch.py tests/golden

Run it again with torch==1.13.1 and 'numpy<2'. The expected arrays, torch.npz, come from formulas
and do not depend on the version.

    zip.pt, legacy.pt  torch.save in its new and its old format: a dict of tensors
    script.pt          torch.jit.save
    modules.pkl        pickle.dump of modules, one of them in the format of
                       stylegan2-ada-pytorch's torch_utils.persistence
"""

from __future__ import annotations

import argparse
import pathlib
import pickle
import sys
import types
import warnings

import numpy as np

DTYPES = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "complex64")


def saved_arrays() -> dict[str, np.ndarray]:
    """Returns the contents of the files of torch.save, with bfloat16 as float32."""
    base = np.arange(24, dtype="float32").reshape(4, 6) / 3
    arrays = {name: np.arange(-3, 3).astype(name) for name in DTYPES}
    return arrays | {
        "bfloat16": np.array([1.5, -2, 0, 2.0**100, -(2.0**-100), np.inf], "float32"),
        "bool": np.array([True, False, True]),
        "base": base,
        "transposed": base.T,
        "strided": base[1:3, ::2],
        "scalar": np.array(7.0, "float32"),
        "empty": np.zeros((0, 3), "float32"),
        "parameter": base[0],
        "numpy": np.arange(3.0),
    }


def module_arrays() -> dict[str, np.ndarray]:
    """Returns the weights of the modules, by qualified names."""
    return {
        "inner.weight": np.arange(6, dtype="float32").reshape(2, 3),
        "inner.bias": np.arange(2, dtype="float32") - 1,
        "scale": np.array([0.5, 2.0], "float32"),
    }


def make_saved(torch) -> dict:
    """Returns the argument of torch.save; views share the storage of 'base'."""
    arrays = saved_arrays()
    tensors = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    base = tensors["base"]
    return tensors | {
        "bfloat16": tensors["bfloat16"].to(torch.bfloat16),
        "transposed": base.t(),
        "strided": base[1:3, ::2],
        "parameter": torch.nn.Parameter(base[0].clone()),
        "numpy": arrays["numpy"],
    }


def make_module(torch):
    """Returns a module with a submodule, a parameter and a buffer."""

    class Outer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            arrays = {name: torch.from_numpy(value) for name, value in module_arrays().items()}
            self.inner = torch.nn.Linear(3, 2)
            self.inner.weight.data = arrays["inner.weight"]
            self.inner.bias.data = arrays["inner.bias"]
            self.register_buffer("scale", arrays["scale"])

        def forward(self, x):
            return self.inner(x) * self.scale

    return Outer()


class EasyDict(dict):
    """Stand-in for dnnlib.util.EasyDict."""


def _reconstruct_persistent_obj(meta):
    """Stand-in for the function of torch_utils.persistence."""


class Persistent:
    """Object whose pickle holds the state of a module and a text as its source."""

    def __init__(self, module):
        self._meta = EasyDict(
            type="class",
            version=6,
            module_src="raise SystemExit('this must not run')",
            class_name="Outer",
            state=dict(vars(module)),
        )

    def __reduce__(self):
        return _reconstruct_persistent_obj, (self._meta,)


def rename(thing, module: str) -> None:
    """Makes pickle store a class or function of this file under another module."""
    thing.__module__ = module
    for name in (module.split(".")[0], module):
        sys.modules.setdefault(name, types.ModuleType(name))
    setattr(sys.modules[module], thing.__name__, thing)


def main(folder: pathlib.Path) -> None:
    import torch

    def path(name: str) -> pathlib.Path:
        return folder / f"torch-{torch.__version__.split('+')[0]}-{name}"

    warnings.simplefilter("ignore")
    saved, module = make_saved(torch), make_module(torch)
    torch.save(saved, path("zip.pt"))
    torch.save(saved, path("legacy.pt"), _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.trace(module, torch.ones(1, 3)), str(path("script.pt")))
    rename(EasyDict, "dnnlib.util")
    rename(_reconstruct_persistent_obj, "torch_utils.persistence")
    modules = {"G_ema": Persistent(module), "plain": module.inner}
    path("modules.pkl").write_bytes(pickle.dumps(modules, protocol=4))
    np.savez_compressed(
        folder / "torch.npz",
        **{f"saved/{name}": value for name, value in saved_arrays().items()},
        **{f"module/{name}": value for name, value in module_arrays().items()},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    main(parser.parse_args().folder)
