"""Makes tests/golden/checkpoints/tf1_*: pickles written by NVIDIA's TensorFlow 1 code.

    python3 -m venv VENV && VENV/bin/pip install tensorflow==2.21.* requests 'setuptools<81'
    VENV/bin/python tools/golden/make_golden_checkpoints_tf1.py CHECKOUT tests/golden/checkpoints

CHECKOUT is the folder of a clone of NVlabs/stylegan2 or NVlabs/stylegan2-ada. Their code runs
on TensorFlow 2 with compat.v1, on the CPU, with their reference operations. The files have the
format of make_golden_checkpoints.py.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import types
from pathlib import Path

import numpy as np
from make_golden_checkpoints import BATCH, direction, inputs, latents, offset, save

# Arguments as NVIDIA's TensorFlow code names them.
SIZES = {
    **{"num_channels": 3, "resolution": 8, "label_size": 0, "latent_size": 6, "dlatent_size": 5},
    **{"mapping_layers": 2, "mapping_fmaps": 7, "fmap_base": 32, "fmap_max": 8},
}
CASES = {
    "skip": {"resolution": 16, "fused_modconv": True},
    "resnet": {"architecture": "resnet"},
    "orig": {"architecture": "orig", "resample_kernel": None, "mapping_nonlinearity": "relu"},
    "labels": {"label_size": 4, "num_channels": 1},
    "raw": {"normalize_latents": False, "nonlinearity": "swish", "mapping_lrmul": 0.1},
}
ADA_CASES = {
    "labels": {"label_size": 4, "label_fmaps": 3, "mapping_fmaps": None},
    "resnet": {"architecture": "resnet", "conv_clamp": 0.8, "num_fp16_res": 2},
}


def tensorflow1():
    """Installs TensorFlow 2 as TensorFlow 1, with NCHW convolutions on a CPU."""
    import tensorflow

    v1 = tensorflow.compat.v1
    v1.disable_eager_execution()
    v1.disable_resource_variables()
    v1.disable_v2_tensorshape()

    def conv2d(x, w, *, strides, padding, data_format):
        del data_format
        x = v1.transpose(x, [0, 2, 3, 1])
        y = v1.nn.conv2d(x, w, strides=[1, *strides[2:], 1], padding=padding)
        return v1.transpose(y, [0, 3, 1, 2])

    def conv2d_transpose(x, w, *, output_shape, strides, padding, data_format):
        del data_format
        number, channels, *sizes = output_shape
        y = v1.nn.conv2d_transpose(
            v1.transpose(x, [0, 2, 3, 1]),
            w,
            output_shape=[number, *sizes, channels],
            strides=[1, *strides[2:], 1],
            padding=padding,
        )
        return v1.transpose(y, [0, 3, 1, 2])

    old, nn = types.ModuleType("tensorflow"), types.ModuleType("tensorflow.nn")
    old.__path__, old.nn = tensorflow.__path__, nn
    old.__getattr__ = lambda name: getattr(v1, name)
    nn.__getattr__ = lambda name: getattr(v1.nn, name)
    nn.conv2d, nn.conv2d_transpose = conv2d, conv2d_transpose
    sys.modules["tensorflow"] = old
    for name in ("tensorflow.contrib", "tensorboard", "tensorboard.plugins.custom_scalar"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["tensorboard"].summary = None
    sys.modules["tensorboard.plugins.custom_scalar"].layout_pb2 = None
    sys.modules["tensorboard.plugins"] = types.ModuleType("tensorboard.plugins")
    old.contrib = sys.modules["tensorflow.contrib"]
    return v1


class Recorder:
    """Recorder of the features and images of the synthesis network: 'x8', 'image8', ...

    Args:
        networks: Module of the functions that build the networks.
        v1: TensorFlow 1.
    """

    def __init__(self, networks, v1):
        self.seen = {}
        self._v1 = v1
        for name in ("modulated_conv2d_layer", "upsample_2d"):
            setattr(networks, name, self._wrapped(name, getattr(networks, name)))

    def _wrapped(self, name, function):
        def record(x, *args, **kwargs):
            *_, block, layer = self._v1.get_variable_scope().name.split("/")
            resolution = int(block.partition("x")[0])
            if name == "upsample_2d":
                self.seen[f"image{resolution // 2}"] = x
            elif layer == "Conv0_up":
                self.seen[f"x{resolution // 2}"] = x
            elif layer == "ToRGB":
                self.seen[f"x{resolution}"] = x
            return function(x, *args, **kwargs)

        return record


def set_offsets(tflib, network, seed: int) -> None:
    """Moves the variables of a Network and of its components from their initial zeros."""
    random = np.random.RandomState(seed)
    values = tflib.run(dict(network.vars))
    tflib.set_vars(
        {
            network.vars[name]: np.asarray(value + offset(name, value.shape, random), "float32")
            for name, value in values.items()
        }
    )


def make(folder: Path, name: str, *, tflib, v1, functions, recorder, given: dict) -> None:
    """Writes one fixture."""
    v1.set_random_seed(len(name))
    generator = tflib.Network("G", func_name=functions["G"], **given)
    common = {key: given[key] for key in ("num_channels", "resolution", "label_size")}
    critic = tflib.Network("D", func_name=functions["D"], fmap_base=8, fmap_max=2, **common)
    ema = generator.clone("Gs")
    for seed, network in enumerate((generator, critic, ema)):
        set_offsets(tflib, network, seed)
        for part in (network, *network.components.values()):
            part._build_module_src = ""
    with open(folder / f"{name}.pkl", "wb") as file:
        pickle.dump((generator, critic, ema), file)
    z, c = inputs(given["latent_size"], given["label_size"])
    mapping, synthesis = ema.components.mapping, ema.components.synthesis
    w = tflib.run(mapping.get_output_for(v1.constant(z), v1.constant(c)))[:, 0]
    ws = latents(w, synthesis.input_shape[1])
    recorder.seen.clear()
    latent = v1.placeholder("float32", ws.shape)
    # Grouped convolutions of a batch have no gradient on a CPU, and ours are float32.
    image = synthesis.get_output_for(
        latent, randomize_noise=False, fused_modconv=False, num_fp16_res=0
    )
    weights = direction((BATCH, *image.shape[2:].as_list(), given["num_channels"]))
    loss = v1.reduce_sum(image * weights.transpose(0, 3, 1, 2))
    tensors = {**recorder.seen, "image": image}
    values = tflib.run({**tensors, "gradient": v1.gradients(loss, latent)[0]}, {latent: ws})
    gradient = values.pop("gradient")
    images = {key: value.transpose(0, 2, 3, 1) for key, value in values.items()}
    mean = tflib.run(ema.vars["dlatent_avg"])
    save(folder, name, z=z, c=c, w=w, ws=ws, w_avg=mean, gradient=gradient, **images)


def main(arguments: list[str]) -> int:
    """Writes the files of one repository."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path, help="Folder of the original's repository")
    parser.add_argument("output", type=Path, help="Folder of the results")
    options = parser.parse_args(arguments)
    v1 = tensorflow1()
    sys.path.insert(0, str(options.checkout))
    import dnnlib.tflib as tflib
    from dnnlib.tflib.ops import fused_bias_act, upfirdn_2d

    upfirdn_2d._upfirdn_2d_cuda = upfirdn_2d._upfirdn_2d_ref
    fused_bias_act._fused_bias_act_cuda = fused_bias_act._fused_bias_act_ref
    is_ada = not (options.checkout / "training" / "networks_stylegan2.py").exists()
    if is_ada:
        from training import networks
    else:
        from training import networks_stylegan2 as networks
    recorder = Recorder(networks, v1)
    tflib.init_tf()
    functions = {"G": f"{networks.__name__}.G_main"}
    functions["D"] = f"{networks.__name__}.{'D_main' if is_ada else 'D_stylegan2'}"
    for case, given in (ADA_CASES if is_ada else CASES).items():
        make(
            options.output,
            f"{'tf1_ada' if is_ada else 'tf1'}_{case}",
            tflib=tflib,
            v1=v1,
            functions=functions,
            recorder=recorder,
            given={**SIZES, **given},
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
