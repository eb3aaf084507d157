# %% [markdown]
# # 2. Many images that agree with the measurement
#
# The measurement does not determine the missing pixels. Variational inference fits a Gaussian $q$ to the
# posterior of the whitened latents $v$, by the largest evidence lower bound
#
# $$\mathrm{ELBO} = E_q[\log p(y \mid v) + \log p(v) - \log q(v)]$$
#
# and draws samples from $q$. This notebook shows the samples, their standard deviation, and a test of the
# intervals.

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
NUM_STEPS = 350
NUM_TRUTHS = 8

# %%
import matplotlib.pyplot as plt
import numpy as np

import brgm_tf as bt
from brgm_tf.io import find_images, load_image, load_mask
from brgm_tf.io.images import fit

generator = bt.load_generator("xray-64")
x = fit(load_image(find_images("example:xray")[0], channels=1), resolution=64)
missing = load_mask(find_images("example:xray_mask")[0], resolution=64)

# %% [markdown]
# The objective `bayes` has normalised densities only, so the posterior states how much is known. The noise scale is
# inferred with the image. It mostly measures by how much the generator misses this radiograph.

# %%
corruption = bt.Mask()
y = corruption.simulate(x, missing=missing)
posterior = bt.Posterior(generator, corruption, objective="bayes")
vi = bt.VI(num_steps=NUM_STEPS, num_elbo_samples=2)
result = vi.run(posterior, y, missing=missing, num_samples=8)
result

# %% [markdown]
# The standard deviation is large in the hole and small elsewhere. A profile through the middle of the hole
# shows the samples, and the true values, which the inference did not see.

# %%
row = int(np.mean(np.flatnonzero(missing[:, :, 0].any(axis=1))))
samples = result.sample(8)[:, 0, row, :, 0]
figure, axis = plt.subplots(figsize=(8, 3))
axis.plot(127.5 * (samples.T + 1), color="tab:blue", alpha=0.4, lw=1)
axis.plot(127.5 * (x[row, :, 0] + 1), color="black", lw=1.5, label="truth")
hole = np.flatnonzero(missing[row, :, 0])
axis.axvspan(hole[0] - 0.5, hole[-1] + 0.5, color="tab:orange", alpha=0.2, label="missing")
axis.set(xlabel=f"column of row {row}", ylabel="grey level", xlim=(0, 63))
axis.legend()

# %% [markdown]
# ## Are the intervals right?
#
# A 90 % interval should hold the truth in 90 of 100 cases. Truths of the model's prior test this
# (simulation-based calibration): draw an image from the prior, measure it, infer, and count. With few truths, the
# fractions scatter. `tools/calibrate.py` is the same test with hundreds of images.

# %%
prior = posterior.prior
latents = prior.latents(
    np.float32(np.random.default_rng(0).standard_normal((NUM_TRUTHS, *prior.event_shape)))
)
truths = np.clip(np.asarray(generator.synthesis(latents)), -1, 1)

corruption = bt.Downsample(factor=4) + bt.Noise(scale=3.0)
ys = corruption.simulate(truths, seed=1)
posterior = bt.Posterior(generator, corruption, objective="bayes")
fitted = vi.run(posterior, ys, num_samples=64)

samples = fitted.sample(64)
levels = np.linspace(0.1, 0.9, 9)
low, high = (np.quantile(samples, 0.5 + sign * levels / 2, axis=0) for sign in (-1, 1))
inside = ((low <= truths) & (truths <= high)).mean(axis=(1, 2, 3, 4))

figure, axis = plt.subplots(figsize=(4.2, 4))
axis.plot([0, 1], [0, 1], color="grey", ls=":")
axis.plot(levels, inside, marker="o")
axis.set(xlabel="size of the interval", ylabel="fraction of true pixels inside", aspect="equal")

# %% [markdown]
# Points below the line mean intervals that are too narrow. `--dispersion_factor` and
# `--model_discrepancy_stddev` correct intervals that were measured to be too narrow.
