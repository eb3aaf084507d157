# %% [markdown]
# # 5. Compressed sensing of MRI, and a volume
#
# An MRI scanner measures the Fourier transform of the image, k-space. A scan with a quarter of k-space takes a
# quarter of the time. The prior fills in the rest:
#
# $$y = M F x + \varepsilon$$
#
# with the Fourier transform $F$ and the pattern $M$ of measured values. No generator of brain MRI is part of the
# package, so a radiograph stands for the slice of a brain. **The results are not for diagnosis.**

# %%
# Installs the package: from the repository of this notebook, or else from the index.
import importlib.util
import pathlib
import subprocess
import sys

if importlib.util.find_spec("brgm_tf") is None:
    repository = pathlib.Path.cwd().parent
    source = (
        f"{repository}[medical]" if (repository / "pyproject.toml").exists() else "brgm_tf[medical]"
    )
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %% tags=["parameters"]
NUM_STEPS = 100

# %%
import tempfile

import matplotlib.pyplot as plt
import nibabel
import numpy as np

import brgm_tf as bt
from brgm_tf.io import find_images, load_image
from brgm_tf.io.images import fit

x = fit(load_image(find_images("example:xray")[0], channels=1), resolution=64)
corruption = bt.KSpace(acceleration=4) + bt.Noise(scale=2.0)
y = corruption.simulate(x, seed=0)
sampled = bt.KSpace(acceleration=4).sampled_map(64, 64)
zero_filled = np.abs(np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(y[..., 0]))))

_, axes = plt.subplots(1, 3, figsize=(10, 3.6))
axes[0].imshow(np.log1p(np.abs(y[..., 0])), cmap="magma")
axes[0].set_title("measured k-space, logarithm")
axes[1].imshow(sampled, cmap="gray")
axes[1].set_title(f"pattern: {sampled.mean():.0%} measured")
axes[2].imshow(zero_filled, cmap="gray")
axes[2].set_title("zero-filled reconstruction")
for axis in axes:
    axis.axis("off")

# %% [markdown]
# The zero-filled reconstruction repeats the image (aliasing). The restoration explains the measured values and
# looks like the images that the generator knows:

# %%
generator = bt.load_generator("xray-64")
posterior = bt.Posterior(generator, corruption, objective="balanced")
result = bt.MAP(num_steps=NUM_STEPS).run(posterior, y)
result

# %% [markdown]
# ## A volume
#
# NIfTI volumes are read slice by slice in the patient's planes, and the results are written in the geometry of the
# volume. Here three radiographs are the slices of a small volume, in units of 0 to 1000.

# %%
names = ("xray", "xray_normal", "xray_pneumonia")
slices = [
    fit(load_image(find_images(f"example:{name}")[0], channels=1), resolution=64)[..., 0]
    for name in names
]
volume = np.stack([np.rot90(one, -1) for one in slices], axis=-1)
folder = pathlib.Path(tempfile.mkdtemp())
nibabel.save(
    nibabel.Nifti1Image(np.float32(500 * (volume + 1)), np.diag([-2.0, 2.0, 5.0, 1.0])),
    folder / "volume.nii.gz",
)

restored = bt.restore(
    folder / "volume.nii.gz",
    slices="all",
    window="0:1000",
    corruption="noise(scale=30)",
    input_kind="clean",
    batch_size=3,
    num_steps=NUM_STEPS,
)

# %%
_, axes = plt.subplots(3, len(restored), figsize=(8, 8))
for column, image in zip(axes.T, restored, strict=True):
    for axis, picture in zip(
        column, (image.truth, image.measurement, image.reconstruction), strict=True
    ):
        axis.imshow(picture[..., 0], cmap="gray", vmin=-1, vmax=1)
        axis.axis("off")
    column[0].set_title(image.name)

# %% [markdown]
# `save` writes each slice as a picture and as NIfTI. The NIfTI slices lie in the place of the originals and have
# their units, so a viewer overlays them on the volume.

# %%
restored.save(folder / "results")
first = nibabel.load(folder / "results" / restored[1].name / "reconstruction.nii.gz")
figure, axis = plt.subplots(figsize=(5, 3.8))
shown = axis.imshow(np.rot90(first.get_fdata()[:, :, 0]), cmap="gray")
figure.colorbar(shown, label="units of the volume")
axis.set_title("reconstruction.nii.gz")
