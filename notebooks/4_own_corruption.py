# %% [markdown]
# # 4. Your damage
#
# A new kind of damage is one class with two methods: `forward`, and the transpose of its linear part,
# `adjoint`. This notebook writes a class, tests it, and infers a parameter of it.

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
NUM_STEPS = 100

# %%
import dataclasses

import matplotlib.pyplot as plt

import brgm_tf as bt
from brgm_tf.core.parameter_priors import Bounded
from brgm_tf.core.parameters import parameter
from brgm_tf.core.validation import number
from brgm_tf.io import find_images, load_image
from brgm_tf.io.images import fit
from brgm_tf.testing import check_corruption

# %% [markdown]
# Fog lays a white veil over the image, $f(x) = (1 - d)\,x + d$, because white is 1. `parameter` declares the
# density $d$: its check, its help text, and its prior if it is unknown.


# %%
@dataclasses.dataclass(frozen=True)
class Fog(bt.Corruption):
    """A white veil over the image: forward(x) = (1 - density) x + density."""

    density: float = parameter(
        number(0, 1), "Density of the veil, 0 clear to 1 white", default=0.5, unknown=Bounded(0, 1)
    )

    def forward(self, x):
        """Returns the foggy image."""
        density = self.value("density", x)
        return (1.0 - density) * x + density

    def adjoint(self, y):
        """Returns the transpose of the linear part, applied to y."""
        return (1.0 - self.value("density", y)) * y


# %% [markdown]
# The dot-test compares $\langle A x, y \rangle$ with $\langle x, A^\top y \rangle$ for random $x$ and
# $y$. `check_corruption` runs the dot-test, and tests of the gradient, of the precision, and of batches. It
# raises an error with both numbers where they differ:

# %%
check_corruption(Fog(density=0.3))


class WrongFog(Fog):
    """Fog with a wrong adjoint."""

    def adjoint(self, y):
        """Forgets the factor."""
        return y


try:
    check_corruption(WrongFog(density=0.3))
except bt.InputError as error:
    message = str(error)
message

# %% [markdown]
# ## Restoration with known density

# %%
x = fit(load_image(find_images("example:xray_normal")[0], channels=1), resolution=64)
generator = bt.load_generator("xray-64")
corruption = Fog(density=0.4) + bt.Noise(scale=3.0)
y = corruption.simulate(x, seed=0)

_, axes = plt.subplots(1, 2, figsize=(7, 3.5))
for axis, picture, title in zip(axes, (x, y), ("image", "in fog"), strict=True):
    axis.imshow(picture[..., 0], cmap="gray", vmin=-1, vmax=1)
    axis.set_title(title)
    axis.axis("off")

# %% [markdown]
# ## Unknown density
#
# `unknown` in place of the number gives the parameter its prior. The restoration infers the density and the image
# together. The figure states the estimate; the true density is 0.4. The standard deviation leaves out the misfit of the
# generator.

# %%
blind = Fog(density=Bounded(0, 1)) + bt.Noise(scale=3.0)
posterior = bt.Posterior(generator, blind, objective="balanced")
result = bt.MAP(num_steps=NUM_STEPS).run(posterior, y)
result

# %% [markdown]
# The command takes the same class from a file:
# `brgm-reconstruct --corruption='my_ops.py:Fog(density=unknown) + noise(scale=3)'`.
