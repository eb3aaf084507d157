# %% [markdown]
# # 1. The most probable image
#
# A generator $G$ makes chest radiographs of 64 x 64 pixels from latents $w$. A radiograph is measured
# with damage $f$. The most probable latents are the mode of the posterior
#
# $$\log p(w \mid y) = \log p(y \mid f(G(w))) + \log p(w) + \mathrm{const}$$
#
# This notebook finds the mode for two kinds of damage: few pixels (super-resolution) and missing pixels
# (in-painting).

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
NUM_STEPS = 200

# %%
import matplotlib.pyplot as plt

import brgm_tf as bt
from brgm_tf.io import find_images, load_image, load_mask
from brgm_tf.io.images import fit

generator = bt.load_generator("xray-64")
x = fit(load_image(find_images("example:xray")[0], channels=1), resolution=64)

# %% [markdown]
# ## Super-resolution
#
# The measurement has 16 x 16 pixels. Each is the mean of 4 x 4 pixels of the image:
#
# $$y_{ij} = \frac{1}{16} \sum_{k, l = 0}^{3} x_{4 i + k,\, 4 j + l}$$

# %%
corruption = bt.Downsample(factor=4)
y = corruption.simulate(x, seed=0)

_, axes = plt.subplots(1, 2, figsize=(7, 3.5))
for axis, picture, title in zip(axes, (x, y), ("image x", "measurement y"), strict=True):
    axis.imshow(picture[..., 0], cmap="gray", vmin=-1, vmax=1)
    axis.set_title(title)
    axis.axis("off")

# %% [markdown]
# `Posterior` combines the generator, the damage and an objective. The objective `balanced` has three
# terms: Gaussian noise on the measured pixels, the distance LPIPS between $y$ and $f(G(w))$, and a Gaussian
# prior on the latents in which the layers are correlated. `MAP` climbs their sum by L-BFGS.

# %%
posterior = bt.Posterior(generator, corruption, objective="balanced")
result = bt.MAP(num_steps=NUM_STEPS).run(posterior, y)
result

# %% [markdown]
# The reconstruction, damaged again, should look like the measurement. The *residual* below the pictures is
# the difference of both in grey levels. The loss shows whether the optimizer has converged.

# %%
total = result[0].history["total"]
figure, axis = plt.subplots(figsize=(7, 3))
axis.plot(total - total.min() + 1)
axis.set(xlabel="step", ylabel="loss above its minimum, plus 1", yscale="log")

# %% [markdown]
# ## In-painting
#
# A third of the pixels is missing. Only the known pixels $O$ count:
#
# $$\log p(y \mid x) = -\sum_{i \in O} \frac{(y_i - x_i)^2}{2 \sigma^2} + \mathrm{const}$$
#
# `missing` is the mask, True = missing. The figure shows `merged`, too: the known pixels, with the restored
# pixels in the hole.

# %%
missing = load_mask(find_images("example:xray_mask")[0], resolution=64)
corruption = bt.Mask()
y = corruption.simulate(x, missing=missing)
posterior = bt.Posterior(generator, corruption, objective="balanced")
result = bt.MAP(num_steps=NUM_STEPS).run(posterior, y, missing=missing)
result

# %% [markdown]
# The hole is a guess. The next notebook shows other guesses that agree with the known pixels.
