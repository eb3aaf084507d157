"""Makes tests/golden/checkpoints: small files and outputs of the original code.

    python3 -m venv VENV && VENV/bin/pip install torch requests 'setuptools<81'
    VENV/bin/python tools/golden/make_golden_checkpoints.py CHECKOUT tests/golden/checkpoints

CHECKOUT is the folder of a clone of NVlabs/stylegan2-ada-pytorch, NVlabs/stylegan3 or
rosinality/stylegan2-pytorch. Each clone needs a separate call, because their packages share names.
The original's code writes each NAME.pkl or NAME.pt from a network with random weights. NAME.npz
holds the network's outputs for the latents in it: w, features and images after each block, the
last image and its gradient. The files omit the source text that the original would add.
make_golden_checkpoints_tf1.py covers the TensorFlow 1 code.

The command runs on the CPU without compilation, because the originals fall back on their plain
operations. It does not need brgm_tf.
"""

from __future__ import annotations

import argparse
import pickle
import re
import sys
import types
from pathlib import Path

import numpy as np

BATCH = 2
# Arguments as stylegan2-ada-pytorch names them: of the generator, of its mapping and of its
# synthesis network; then what else is special. 'half' stores float16.
_SIZES = {"z_dim": 6, "c_dim": 0, "w_dim": 5, "img_resolution": 8, "img_channels": 3}
_WIDTHS = {"channel_base": 64, "channel_max": 8}
TORCH_CASES = {
    "skip": ({}, {"num_layers": 3}, {}),
    "resnet": ({}, {"num_layers": 2}, {"architecture": "resnet", "conv_clamp": 0.8}),
    "orig": ({}, {"num_layers": 2}, {"architecture": "orig", "resample_filter": [1, 2, 4, 1, 5]}),
    "labels": (
        {"c_dim": 4, "img_channels": 1},
        {"num_layers": 3, "embed_features": 3, "layer_features": 7},
        {"num_fp16_res": 2, "conv_clamp": 256},
    ),
    "swish": (
        {},
        {"num_layers": 2, "activation": "elu", "w_avg_beta": None},
        {"activation": "swish", "kernel_size": 5, "use_noise": False},
    ),
    "half": ({"img_resolution": 16}, {"num_layers": 2}, {}),
}
# (resolution, zip archive, with the mean of w)
ROSINALITY_CASES = {"zip": (16, True, True), "legacy": (8, False, False)}
_ROSINALITY_WIDTHS = {4: 8, 8: 8, 16: 4}


def inputs(z_dim: int, c_dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws z [B, Z], and returns it with one-hot labels [B, C]."""
    random = np.random.RandomState(0)
    z = random.randn(BATCH, z_dim).astype("float32")
    return z, np.eye(BATCH, c_dim, dtype="float32")


def latents(w: np.ndarray, num_ws: int) -> np.ndarray:
    """Draws ws [B, L, D] that differ between the layers."""
    noise = np.random.RandomState(1).randn(len(w), num_ws, w.shape[1])
    return (w[:, None] + 0.3 * noise).astype("float32")


def direction(shape: tuple[int, ...]) -> np.ndarray:
    """Draws the weights of the image sum whose gradient is saved, NHWC."""
    return np.random.RandomState(2).randn(*shape).astype("float32")


def offset(name: str, shape: tuple[int, ...], random: np.random.RandomState):
    """Draws an offset of a weight, so that no weight stays at an initial zero."""
    if not name.endswith(("bias", "noise_strength", "noise.weight", "w_avg", "dlatent_avg")):
        return 0.0
    is_mapping = re.search(r"\bfc\d|Dense\d|style\.\d", name)
    return np.asarray(0.3 * random.randn(*shape) * (30 if is_mapping else 1), "float32")


def save(folder: Path, name: str, **arrays) -> None:
    """Writes NAME.npz."""
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    size = sum(path.stat().st_size for path in folder.glob(f"{name}.*"))
    sys.stdout.write(f"{name}: {size} bytes, mean |image| {np.abs(arrays['image']).mean():.2f}\n")


def _nhwc(tensor) -> np.ndarray:
    return tensor.detach().numpy().transpose(0, 2, 3, 1)


def _torch_gradient(synthesize, ws):
    """Returns the image and the gradient in ws."""
    import torch

    ws = torch.tensor(ws, requires_grad=True)
    image = synthesize(ws)
    (image * torch.tensor(direction(_nhwc(image).shape).transpose(0, 3, 1, 2))).sum().backward()
    return {"image": _nhwc(image), "gradient": ws.grad.numpy()}


def _torch_offsets(module, seed: int) -> None:
    import torch

    random = np.random.RandomState(seed)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        tensor.data += torch.as_tensor(offset(name, tuple(tensor.shape), random))


def make_nvidia_pytorch(folder: Path, *, prefix: str, cases: tuple[str, ...]) -> None:
    """Fixtures of stylegan2-ada-pytorch, or of stylegan3's StyleGAN2."""
    import torch

    if prefix == "stylegan3":
        from training import networks_stylegan2 as networks
    else:
        from training import networks
    for seed, case in enumerate(cases):
        torch.manual_seed(seed)
        sizes, mapping, synthesis = TORCH_CASES[case]
        sizes, synthesis = {**_SIZES, **sizes}, {**_WIDTHS, **synthesis}
        given = synthesis if prefix == "stylegan3" else {"synthesis_kwargs": synthesis}
        generator, ema = (
            networks.Generator(**sizes, mapping_kwargs=mapping, **given).eval() for _ in range(2)
        )
        for offsets, network in enumerate((generator, ema)):
            _torch_offsets(network.requires_grad_(False), 100 * offsets + seed)
        if case == "half":
            ema.half()
        data = {"G_ema": ema, "training_set_kwargs": {"path": "images"}, "augment_pipe": None}
        if case == "skip":
            common = {key: sizes[key] for key in ("c_dim", "img_resolution", "img_channels")}
            critic = networks.Discriminator(**common, channel_base=32, channel_max=2)
            data |= {"G": generator, "D": critic.requires_grad_(False)}
        name = f"{prefix}_{case}"
        with open(folder / f"{name}.pkl", "wb") as file:
            pickle.dump(data, file)
        save(folder, name, **_nvidia_outputs(ema.float()))


def _nvidia_outputs(generator) -> dict:
    import torch

    z, c = inputs(generator.z_dim, generator.c_dim)
    w = generator.mapping(torch.tensor(z), torch.tensor(c))[:, 0].numpy()
    ws = latents(w, generator.num_ws)
    seen = {}

    def keep(block, _, outputs):
        for name, tensor in zip(("x", "image"), outputs, strict=True):
            if tensor is not None:
                # The next block adds to the image in place.
                seen[f"{name}{block.resolution}"] = _nhwc(tensor).copy()

    for resolution in generator.synthesis.block_resolutions:
        getattr(generator.synthesis, f"b{resolution}").register_forward_hook(keep)
    result = _torch_gradient(
        lambda ws: generator.synthesis(ws, noise_mode="const", force_fp32=True), ws
    )
    if hasattr(generator.mapping, "w_avg"):
        seen["w_avg"] = generator.mapping.w_avg.numpy()
    return {"z": z, "c": c, "w": w, "ws": ws, **seen, **result}


def without_source(persistence) -> None:
    """Makes torch_utils.persistence write an empty string for the modules' source."""
    original = persistence.persistent_class

    def decorate(cls):
        decorated = original(cls)
        decorated._orig_module_src = ""
        return decorated

    persistence.persistent_class = decorate


def make_rosinality(folder: Path, checkout: Path) -> None:
    """Fixtures of rosinality's stylegan2-pytorch, with fewer features than it has."""
    import torch

    source = (checkout / "model.py").read_text()
    for resolution, width in _ROSINALITY_WIDTHS.items():
        source = re.sub(rf"(\n +{resolution}: )\d+,", rf"\g<1>{width},", source)
    model = types.ModuleType("model")
    exec(compile(source, "model.py", "exec"), model.__dict__)
    for seed, (case, (resolution, is_zip, has_mean)) in enumerate(ROSINALITY_CASES.items()):
        torch.manual_seed(seed)
        ema = model.Generator(resolution, 5, 3).eval().requires_grad_(False)
        _torch_offsets(ema, seed)
        data = {"g_ema": ema.state_dict()}
        data |= {"latent_avg": torch.randn(5)} if has_mean else {}
        name = f"rosinality_{case}"
        torch.save(data, folder / f"{name}.pt", _use_new_zipfile_serialization=is_zip)
        mean = {"w_avg": data["latent_avg"].numpy()} if has_mean else {}
        save(folder, name, **mean, **_rosinality_outputs(ema, resolution))


def _rosinality_outputs(generator, resolution: int) -> dict:
    import torch

    z, c = inputs(5, 0)
    w = generator.get_latent(torch.tensor(z)).numpy()
    ws = latents(w, generator.n_latent)
    seen, steps = {}, [2**k for k in range(2, resolution.bit_length())]
    owners = {"x": [generator.conv1, *generator.convs[1::2]]}
    owners["image"] = [generator.to_rgb1, *generator.to_rgbs]
    for kind, modules in owners.items():
        for step, module in zip(steps, modules, strict=True):
            module.register_forward_hook(
                lambda _, __, output, key=f"{kind}{step}": seen.update({key: _nhwc(output)})
            )
    result = _torch_gradient(
        lambda ws: generator([ws], input_is_latent=True, randomize_noise=False)[0], ws
    )
    return {"z": z, "c": c, "w": w, "ws": ws, **seen, **result}


def main(arguments: list[str]) -> int:
    """Writes the files of one format."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path, help="Folder of the original's repository")
    parser.add_argument("output", type=Path, help="Folder of the results")
    options = parser.parse_args(arguments)
    sys.path.insert(0, str(options.checkout))
    if (options.checkout / "model.py").exists():
        import torch.utils.cpp_extension

        # The package compiles CUDA code when it is imported, which nothing here calls.
        torch.utils.cpp_extension.load = lambda *_, **__: None
        make_rosinality(options.output, options.checkout)
        return 0
    from torch_utils import persistence

    without_source(persistence)
    if (options.checkout / "training" / "networks_stylegan2.py").exists():
        make_nvidia_pytorch(options.output, prefix="stylegan3", cases=("resnet", "labels"))
    else:
        make_nvidia_pytorch(options.output, prefix="ada", cases=tuple(TORCH_CASES))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
