"""A fixed feature network of two depths, so that tests need no weights of VGG16."""

import numpy as np
from keras import ops

DEPTHS = (4, 6)
_RNG = np.random.default_rng(5)
_KERNELS = [_RNG.standard_normal((3, 3, *pair)).astype("float32") for pair in ((1, 4), DEPTHS)]


def tiny_features(images):
    """Maps grey images [B, S, S, 1] to features [B, S, S, 4] and [B, S / 2, S / 2, 6]."""
    first = _layer(ops.convert_to_tensor(images), _KERNELS[0])
    return [first, _layer(ops.average_pool(first, 2, 2), _KERNELS[1])]


def _layer(x, kernel):
    return ops.relu(ops.conv(x, kernel, padding="same", data_format="channels_last"))
