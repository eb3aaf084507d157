"""Times a step of brgm-pytorch for tools/benchmark.py, with the original's code.

    git clone https://github.com/razvanmarinescu/brgm-pytorch
    python tools/peer_brgm_pytorch.py --source=brgm-pytorch --make_network=net.pkl --resolution=256
    python tools/benchmark.py OUTPUT --generators net.pkl --objective=brgm_torch --optimizer=adam \
        --corruption='downsample(factor=8, method="bicubic")' \
        --peer 'python tools/peer_brgm_pytorch.py --source=brgm-pytorch --network=net.pkl'

The generator is the original's PyTorch code in --source. The terms follow the formulas of
bayesmap_recon.py. PyTorch computes the features of VGG16 as NVIDIA's vgg16.pt does, with weights
from the benchmark. The command needs torch and the imports of the original (click, requests, scipy,
Pillow), but not brgm_tf.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

_BLOCKS = (2, 2, 3, 3, 3)


class Features:
    """Features [B, N] of NVIDIA's vgg16.pt with return_lpips: unit-normalised and weighted."""

    def __init__(self, path: Path):
        arrays = np.load(path)
        self._heads = [torch.from_numpy(arrays[f"head{i}"]) for i in range(5)]
        self._kernels = [
            torch.from_numpy(arrays[f"conv{i}.kernel"].transpose(3, 2, 0, 1).copy())
            for i in range(13)
        ]
        self._biases = [torch.from_numpy(arrays[f"conv{i}.bias"]) for i in range(13)]
        self._shift, self._scale = (
            torch.tensor(values).reshape(1, 3, 1, 1)
            for values in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450))
        )

    def __call__(self, images):
        """Returns the features of images [B, C, H, W] in [0, 255], resized to 256 x 256."""
        x = functional.interpolate(images, size=(256, 256), mode="area")
        x = x.repeat(1, 3 // x.shape[1], 1, 1)
        x = (x / 127.5 - 1.0 - self._shift) / self._scale
        found, index = [], 0
        for block, count in enumerate(_BLOCKS):
            x = functional.max_pool2d(x, 2) if block else x
            for _ in range(count):
                x = functional.relu(
                    functional.conv2d(x, self._kernels[index], self._biases[index], padding=1)
                )
                index += 1
            unit = x * torch.rsqrt(x.square().sum(dim=1, keepdim=True) + 1e-10)
            weight = (self._heads[block] / (x.shape[2] * x.shape[3])).sqrt()
            found.append((unit * weight.reshape(1, -1, 1, 1)).flatten(1))
        return torch.cat(found, dim=1)


class Objective:
    """Loss of bayesmap_recon.py, with the cosine term of every image instead of image 0."""

    def __init__(self, network, features: Features, *, measurement, settings):
        self._network, self._features, self._settings = network, features, settings
        self._target = (measurement.permute(0, 3, 1, 2) + 1.0) * 127.5
        self._target_features = features(self._target)
        self._mean, self._sigma = _statistics(network)

    def __call__(self, ws):
        """Returns the loss of ws [B, L, D], summed over images."""
        x = (self._network.synthesis(ws, noise_mode="const") + 1.0) * 127.5
        size = self._target.shape[-1] / x.shape[-1]
        y = functional.interpolate(
            x, scale_factor=size, mode="bicubic", recompute_scale_factor=True, align_corners=False
        )
        pixel = (y - self._target).square().mean(dim=(1, 2, 3))
        perceptual = (self._features(y) - self._target_features).square().mean(dim=1)
        prior = ((ws - self._mean) / self._sigma).square().mean(dim=(1, 2))
        unit = functional.normalize(ws, dim=2)
        colinearity = (1.0 - unit @ unit.transpose(1, 2)).abs().sum(dim=(1, 2))
        terms = {
            "pixel_scale": pixel,
            "perceptual_scale": perceptual,
            "prior_scale": prior,
            "colinearity_scale": colinearity,
        }
        return sum(self._settings[name] * term.sum() for name, term in terms.items())


def _statistics(network):
    """Returns the mean and total standard deviation of 10,000 mapped z, as the original does."""
    z = np.random.RandomState(123).randn(10_000, network.z_dim)
    w = network.mapping(torch.from_numpy(z), None)[:, 0].numpy().astype("float32")
    mean = w.mean(axis=0)
    return torch.from_numpy(mean), float(np.sqrt(((w - mean) ** 2).sum() / len(w)))


def make_network(path: Path, *, resolution: int, channel_base: int, seed: int) -> None:
    """Writes a pickle of an untrained generator in the format of the training."""
    from training.networks import Generator

    torch.manual_seed(seed)
    synthesis = {"channel_base": channel_base, "channel_max": 512, "num_fp16_res": 0}
    network = Generator(
        z_dim=512,
        c_dim=0,
        w_dim=512,
        img_resolution=resolution,
        img_channels=3,
        mapping_kwargs={"num_layers": 8},
        synthesis_kwargs=synthesis,
    )
    network = network.eval().requires_grad_(False)
    # The initial strength 0 would hide differences of the noise.
    for name, parameter in network.named_parameters():
        if name.endswith("noise_strength"):
            parameter.data.fill_(0.05)
    path.write_bytes(pickle.dumps({"G_ema": network}))


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", required=True, help="Folder of brgm-pytorch")
    parser.add_argument("--network", help="Pickle of the generator")
    parser.add_argument("--num_steps", type=int, default=3)
    parser.add_argument("--make_network", type=Path, help="Write an untrained generator, and stop")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--channel_base", type=int, default=16384)
    options = parser.parse_args()
    sys.path.insert(0, options.source)
    if options.make_network:
        size = {"resolution": options.resolution, "channel_base": options.channel_base}
        make_network(options.make_network, **size, seed=0)
        return
    path = Path(os.environ["BRGM_TF_BENCHMARK"])
    problem = np.load(path)
    network = pickle.loads(Path(options.network).read_bytes())["G_ema"]
    network = network.eval().requires_grad_(False)
    objective = Objective(
        network,
        Features(path.with_name("vgg16.npz")),
        measurement=torch.from_numpy(problem["measurement"]),
        settings=json.loads(str(problem["settings"])),
    )
    ws = torch.from_numpy(problem["ws"]).requires_grad_(True)
    optimizer = torch.optim.Adam([ws], lr=0.1)
    first, seconds = None, []
    for _ in range(options.num_steps + 1):  # the first step warms up
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = objective(ws)
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
        first = float(loss) if first is None else first
    sys.stdout.write(f"seconds_per_step {float(np.median(seconds[1:]))}\nobjective {first}\n")


if __name__ == "__main__":
    main()
