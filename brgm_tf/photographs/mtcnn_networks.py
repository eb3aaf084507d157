"""The three networks of MTCNN, and their weights.

    P-Net [B, H, W, 3] -> [B, h, w, 6]     a face in each window of 12 x 12 pixels, at steps of 2
    R-Net [B, 24, 24, 3] -> [B, 6]         the same for windows of any size
    O-Net [B, 48, 48, 3] -> [B, 16]        the same with five landmarks

The outputs are the probability of a face, the corrections (left, top, right, bottom) of its box
in units of the box's size and, of O-Net, the columns and then the rows of the landmarks in these
units. Images are RGB, (level - 127.5) / 128.

Reference: Zhang, Zhang, Li, Qiao, Joint face detection and alignment using multitask cascaded
convolutional networks (2016); weights of the package mtcnn 1.0.0 (MIT).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from brgm_tf.core.lazy import tf
from brgm_tf.weights import fetching
from brgm_tf.weights.formats import joblib_file, lz4

_WEIGHTS, _VERSION = "mtcnn", "1"
_NETWORKS = ("pnet", "rnet", "onet")
P_WINDOW, P_STRIDE, R_WINDOW, O_WINDOW = 12, 2, 24, 48

# Names of the arrays of each network in the order of its file.
_BLOCKS = {
    "pnet": ("conv1", "conv2", "conv3", "box-", "face-"),
    "rnet": ("conv1", "conv2", "conv3", "dense", "box-", "face-"),
    "onet": ("conv1", "conv2", "conv3", "conv4", "dense", "box-", "landmarks-", "face-"),
}


class Networks:
    """The three networks.

    Args:
        weights: Arrays by name, see `convert`; None fetches the weights.

    Raises:
        InputError: The weights cannot be fetched.
    """

    def __init__(self, weights: Mapping[str, np.ndarray] | None = None) -> None:
        if weights is None:
            weights = fetching.load_converted(_WEIGHTS, convert, _VERSION, argument="align")
        self._weights = weights

    def propose(self, images: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Returns the outputs of P-Net.

        Args:
            images: [B, H, W, 3], 12 pixels a side or more.

        Returns:
            Probabilities [B, h, w] and corrections [B, h, w, 4].
        """
        x = self._convolve("pnet/conv1", tf.convert_to_tensor(images, tf.float32))
        x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        x = self._convolve("pnet/conv3", self._convolve("pnet/conv2", x))
        faces, boxes = (self._convolve(f"pnet/{name}", x) for name in ("face", "box"))
        return tf.nn.softmax(faces)[..., 1].numpy(), boxes.numpy()

    def refine(self, windows: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Returns the outputs of R-Net for windows [B, 24, 24, 3]: [B] and [B, 4]."""
        x = tf.nn.max_pool2d(self._convolve("rnet/conv1", windows), 3, 2, "SAME")
        x = tf.nn.max_pool2d(self._convolve("rnet/conv2", x), 3, 2, "VALID")
        x = self._hidden("rnet", self._convolve("rnet/conv3", x))
        faces, boxes = (self._dense(f"rnet/{name}", x) for name in ("face", "box"))
        return tf.nn.softmax(faces)[:, 1].numpy(), boxes.numpy()

    def locate(self, windows: tf.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the outputs of O-Net for windows [B, 48, 48, 3].

        Returns:
            Probabilities [B], corrections [B, 4], and landmarks [B, 10].
        """
        x = tf.nn.max_pool2d(self._convolve("onet/conv1", windows), 3, 2, "SAME")
        x = tf.nn.max_pool2d(self._convolve("onet/conv2", x), 3, 2, "VALID")
        x = tf.nn.max_pool2d(self._convolve("onet/conv3", x), 2, 2, "SAME")
        x = self._hidden("onet", self._convolve("onet/conv4", x))
        faces, boxes, landmarks = (
            self._dense(f"onet/{name}", x) for name in ("face", "box", "landmarks")
        )
        return tf.nn.softmax(faces)[:, 1].numpy(), boxes.numpy(), landmarks.numpy()

    def _convolve(self, name: str, x: tf.Tensor) -> tf.Tensor:
        x = tf.nn.conv2d(x, self._weights[f"{name}/kernel"], 1, "VALID")
        return self._activated(name, x + self._weights[f"{name}/bias"])

    def _dense(self, name: str, x: tf.Tensor) -> tf.Tensor:
        x = tf.linalg.matmul(x, self._weights[f"{name}/kernel"])
        return self._activated(name, x + self._weights[f"{name}/bias"])

    def _hidden(self, network: str, x: tf.Tensor) -> tf.Tensor:
        # The weights were trained with columns before rows.
        x = tf.transpose(x, [0, 2, 1, 3])
        return self._dense(f"{network}/dense", tf.reshape(x, [x.shape[0], -1]))

    def _activated(self, name: str, x: tf.Tensor) -> tf.Tensor:
        slope = self._weights.get(f"{name}/slope")
        return x if slope is None else tf.maximum(x, 0.0) + slope * tf.minimum(x, 0.0)


def convert(folder: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of the package's files by names such as 'pnet/conv1/kernel'.

    Args:
        folder: Folder with pnet.lz4, rnet.lz4 and onet.lz4.

    Raises:
        InputError: A file is damaged.
    """
    arrays = {}
    for network in _NETWORKS:
        data = lz4.decompress((folder / f"{network}.lz4").read_bytes())
        values = iter(joblib_file.load_arrays(data, argument="align"))
        for block in _BLOCKS[network]:
            parts = ("kernel", "bias") if block.endswith("-") else ("kernel", "bias", "slope")
            for part in parts:
                array = np.array(next(values), np.float32)
                arrays[f"{network}/{block.rstrip('-')}/{part}"] = array
    return arrays
