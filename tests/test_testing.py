"""`check_corruption` detects errors and reports both numbers."""

import dataclasses

import pytest
import tensorflow as tf

from brgm_tf import Corruption
from brgm_tf.core.errors import InputError
from brgm_tf.testing import check_corruption


@dataclasses.dataclass(frozen=True)
class Halved(Corruption):
    def forward(self, x):
        return 0.5 * tf.convert_to_tensor(x)

    def adjoint(self, y):
        return 0.5 * tf.convert_to_tensor(y)


class WrongAdjoint(Halved):
    def adjoint(self, y):
        return 0.25 * tf.convert_to_tensor(y)


class WrongGradient(Halved):
    def forward(self, x):
        x = tf.convert_to_tensor(x)
        return tf.stop_gradient(0.5 * x) + 0.25 * (x - tf.stop_gradient(x))


class MeanOfBatch(Halved):
    linear = False

    def forward(self, x):
        return x - tf.reduce_mean(x)


class WrongShape(Halved):
    def measurement_shape(self, image_shape):
        return (*image_shape[:-1], 7)


class WrongDtype(Halved):
    def forward(self, x):
        return tf.cast(0.5 * x, tf.float32)


def test_a_correct_corruption_passes():
    check_corruption(Halved())
    check_corruption(Halved(), (5, 7, 3), seed=1)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (WrongAdjoint, r"<A x, y> = <x, A\^T y>: (\S+) is not (\S+)\."),
        (WrongGradient, r"the gradient of finite differences: (\S+) is not (\S+)\."),
        (MeanOfBatch, r"`forward` that does not depend on other images: (\S+) is not (\S+)\."),
        (WrongShape, r"stated shape: (\(.+16, 1\)) is not (\(.+16, 7\))\."),
        (WrongDtype, r"stated dtype: (tf.float32) is not (tf.float64)\."),
    ],
)
def test_a_wrong_corruption_is_refused_with_both_numbers(kind, message):
    with pytest.raises(InputError, match=message) as caught:
        check_corruption(kind())
    assert len(str(caught.value).splitlines()) == 1
