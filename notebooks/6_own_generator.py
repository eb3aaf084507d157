# %% [markdown]
# # 6. Your generator
#
# Any generator can be the prior: a StyleGAN2 pickle of NVIDIA, a checkpoint of rosinality, a SavedModel, or a
# generator that you train. This notebook loads and converts checkpoints, trains a small generator, and restores
# with it.

# %%
# Installs the package: from the repository of this notebook, or else from the index.
import importlib.util
import pathlib
import subprocess
import sys

if importlib.util.find_spec("brgm_tf") is None:
    repository = pathlib.Path.cwd().parent
    source = f"{repository}" if (repository / "pyproject.toml").exists() else "brgm_tf"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% tags=["parameters"]
KIMG = 20
NUM_STEPS = 60

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np

import brgm_tf as bt
from brgm_tf.generators import save_preset
from brgm_tf.training import Plan, Trainer, TrainingConfig, export_newest

folder = pathlib.Path(tempfile.mkdtemp())


def show(images, columns=8, title=""):
    """Shows images [N, H, W, C] in a grid."""
    rows = -(-len(images) // columns)
    _, axes = plt.subplots(rows, columns, figsize=(columns, rows + 0.3), squeeze=False)
    for axis, image in zip(axes.flat, images, strict=False):
        axis.imshow(np.clip((image + 1) / 2, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
    for axis in axes.flat:
        axis.axis("off")
    axes[0, 0].set_title(title, loc="left")


def samples(generator, count, seed=0):
    """Draws images [count, H, W, C] of a generator."""
    z = np.random.default_rng(seed).standard_normal((count, generator.z_dim), "float32")
    return np.clip(np.asarray(generator(z)), -1, 1)


# %% [markdown]
# ## Load and convert
#
# `load_generator` takes a name, a file or an address. Pickles are read without running their code. `save_preset`
# writes a folder of a configuration and weights, which loads faster and needs no pickle. The command for the same is
# `python tools/convert_checkpoint.py SOURCE DEST --verify`.

# %%
generator = bt.load_generator("xray-64")
save_preset(generator, folder / "converted")
converted = bt.load_generator(str(folder / "converted"))
show(samples(converted, 8), title="samples of the converted generator")

# %% [markdown]
# A pickle or a `.pt` file works the same way. The repository has tiny untrained checkpoints for its tests:

# %%
checkpoint = pathlib.Path("../tests/golden/checkpoints/ada_skip.pkl")
if checkpoint.exists():
    show(samples(bt.load_generator(str(checkpoint)), 8), title=checkpoint.name)

# %% [markdown]
# ## Train
#
# The training images are usually a folder of your pictures. Here they are samples of `xray-64`, reduced to 16 x 16
# pixels, so that the training takes minutes on two cores. The command is `tools/train_generator.py`; it resumes
# a stopped training.

# %%
reduce = bt.Downsample(factor=4)
pictures = np.concatenate([reduce.simulate(samples(generator, 64, seed)) for seed in range(8)])
pictures = np.uint8(np.clip(np.round(127.5 * (pictures + 1)), 0, 255))
show(pictures[:8] / 127.5 - 1, title="training images")

# %%
config = TrainingConfig(
    resolution=16,
    channels=1,
    z_dim=64,
    w_dim=64,
    channel_base=1024,
    channel_max=64,
    mapping_depth=2,
    batch_size=16,
    path_weight=0.0,
    ema_kimg=2.0,
)
(folder / "training").mkdir()
trainer = Trainer(
    config, Plan(total_kimg=KIMG, tick_kimg=1.0), images=pictures, folder=folder / "training"
)
trainer.run()
show(trainer.sample(16), title=f"samples after {KIMG} thousand images")

# %% [markdown]
# ## Use it as the prior
#
# `export_newest` writes the averaged generator as a folder. The measurement is a picture of 4 x 4 pixels that the
# generator has not seen.

# %%
preset = export_newest(folder / "training", folder / "mine", storage="float32")
mine = bt.load_generator(str(preset))
truth = np.clip(reduce.simulate(samples(generator, 1, seed=99)[0]), -1, 1)
posterior = bt.Posterior(mine, bt.Downsample(factor=4), objective="balanced")
result = bt.MAP(num_steps=NUM_STEPS).run(posterior, bt.Downsample(factor=4).simulate(truth))
result

# %% [markdown]
# `brgm-reconstruct --generator=FOLDER` takes the same folder. Before you use a generator, examine it:
# `python tools/examine_generator.py` compares its samples with held-out images, and shows the nearest training
# images.
