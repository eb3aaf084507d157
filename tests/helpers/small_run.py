"""A generator of 16 x 16 pixels and pictures of 4 x 4, which a test can restore in seconds."""

import numpy as np
from PIL import Image

from brgm_tf.generators.preset import save_preset
from brgm_tf.generators.stylegan2 import StyleGAN2

SIZE, SMALL, COUNT = 16, 4, 4


def make(folder):
    """Writes the generator, net/, and the pictures, in/0.png and so on; returns the folder."""
    sizes = {"channel_base": 64, "channel_max": 8, "w_dim": 8, "z_dim": 8, "mapping_depth": 2}
    save_preset(StyleGAN2(SIZE, seed=1, **sizes), folder / "net")
    (folder / "in").mkdir()
    for i in range(COUNT):
        levels = np.random.RandomState(i).randint(0, 256, (SMALL, SMALL, 3), np.uint8)
        Image.fromarray(levels).save(folder / "in" / f"{i}.png")
    return folder


def flags(folder, output):
    """The flags of a run on the pictures of a folder."""
    found = [f"--generator={folder / 'net'}", f"--input={folder / 'in'}", f"--output_dir={output}"]
    found += [f"--corruption=downsample(factor={SIZE // SMALL})", "--perceptual_scale=0"]
    return [*found, "--num_steps=20", "--batch_size=2"]


def contents(folder):
    """The bytes of the files of a run's images by name."""
    files = [path for path in folder.glob("*/**/*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}
