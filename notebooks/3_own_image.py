# %% [markdown]
# # 3. A face in your photograph
#
# `align="faces"` finds the faces of a photograph, restores each one, and puts them back. The photograph has any size
# and orientation. Its own pixels are the measurement: the chain of damage begins with `align`, the map from the
# upright square that the generator makes to the pixels of the photograph.
#
# The restored face is a plausible face, not evidence of who the person is. The generator `ffhq-mobile-1024` is
# for non-commercial use. A restoration at 1024 x 1024 pixels takes minutes on two cores.

# %%
# Installs the package: from the repository of this notebook, or else from the index.
import importlib.util
import pathlib
import subprocess
import sys

if importlib.util.find_spec("brgm_tf") is None:
    repository = pathlib.Path.cwd().parent
    source = (
        f"{repository}[examples]"
        if (repository / "pyproject.toml").exists()
        else "brgm_tf[examples]"
    )
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% tags=["parameters"]
NUM_STEPS = 150

# %%
PHOTOGRAPH = None  # path of your photograph

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import brgm_tf as bt

if PHOTOGRAPH is None:
    from skimage import data

    photograph = Image.fromarray(data.astronaut())  # NASA's portrait of Eileen Collins
else:
    photograph = Image.open(PHOTOGRAPH)
photograph = photograph.convert("RGB")

# %% [markdown]
# ## Damage
#
# Transparent pixels are missing (`masks="alpha"`). Here a stripe through the middle of the photograph is missing. Erase
# pixels of your photograph in any editor instead.

# %%
alpha = np.full((photograph.height, photograph.width), 255, "uint8")
width = photograph.width // 14
alpha[:, photograph.width * 2 // 5 : photograph.width * 2 // 5 + width] = 0
damaged = photograph.copy()
damaged.putalpha(Image.fromarray(alpha))
folder = pathlib.Path(tempfile.mkdtemp())
damaged.save(folder / "damaged.png")

_, axes = plt.subplots(1, 2, figsize=(9, 4.5))
for axis, picture, title in zip(
    axes, (photograph, damaged), ("photograph", "pixels are missing"), strict=True
):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")

# %% [markdown]
# ## Restoration

# %%
restoration = bt.restore(
    folder / "damaged.png",
    align="faces",
    masks="alpha",
    corruption="mask()",
    generator="ffhq-mobile-1024",
    num_steps=NUM_STEPS,
)
restoration

# %% [markdown]
# The figure shows the face in its upright square. `photographs` holds the whole photograph with the restored face:

# %%
restored = (restoration.photographs[0].pixels + 1) / 2
_, axes = plt.subplots(1, 2, figsize=(9, 4.5))
for axis, picture, title in zip(axes, (damaged, restored), ("damaged", "restored"), strict=True):
    axis.imshow(np.clip(picture, 0, 1) if picture is restored else picture)
    axis.set_title(title)
    axis.axis("off")

# %% [markdown]
# `restoration.save("results")` writes the photograph with its size, profile and EXIF, and the files of each face. The
# stripe outside the face stays missing, because the generator knows faces only.
