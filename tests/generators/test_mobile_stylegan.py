"""MobileStyleGAN against a NumPy evaluator of its IR files, and the reader of these files."""

import shutil

import h5py
import ir_reference
import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf

from brgm_tf.core.errors import InputError
from brgm_tf.generators import mobile_stylegan, mobile_stylegan_files
from brgm_tf.generators.adaptation import Adaptation, AdaptedGenerator
from brgm_tf.generators.loading import describe_generator, load_generator
from brgm_tf.generators.preset import save_preset
from brgm_tf.weights import fetching
from brgm_tf.weights.formats import openvino

# The order is written out, because it is part of the interface.
ORDER = [
    "conv1",
    *("layers.0.up", "layers.0.conv1", "layers.0.conv2"),
    *("layers.1.up", "layers.1.conv1", "layers.1.conv2"),
    *("layers.2.up", "layers.2.conv1", "layers.2.conv2"),
    *("layers.3.up", "layers.3.conv1", "layers.3.conv2"),
    *("layers.4.up", "layers.4.conv1", "layers.4.conv2"),
    *("layers.5.up", "layers.5.conv1", "layers.5.conv2"),
    *("layers.6.up", "layers.6.conv1", "layers.6.conv2"),
    "layers.6.to_img",
]


@pytest.fixture(scope="module")
def folder():
    return fetching.fetch("ffhq-mobile-1024")


@pytest.fixture(scope="module")
def model(folder):
    return mobile_stylegan.MobileStyleGAN(mobile_stylegan_files.read_arrays(folder))


@pytest.fixture(scope="module")
def ws(model):
    """Returns 23 different latents [1, 23, D]."""
    z = np.random.RandomState(0).randn(model.num_ws, model.z_dim).astype("float32")
    return model.mapping(z).numpy()[None]


@pytest.fixture(scope="module")
def weighting():
    """Returns a wave. The sum of an image weighted by it is smooth in the latents.

    With noise instead of a wave, the kinks of single leaky ReLUs would matter.
    """
    y, x = np.mgrid[:1024, :1024] / 1024
    wave = np.cos(2 * np.pi * (x + 2 * y))[..., None] * [1.0, -0.5, 0.3]
    return (wave / 1024).astype("float32")


def image_and_gradient(model, ws, *, weighting):
    """Returns images, and the gradient in the latents of their weighted sum."""
    with tf.GradientTape() as tape:
        tape.watch(ws)
        images = model.synthesis(ws)
        total = tf.reduce_sum(images * weighting)
    return images, tape.gradient(total, ws)


@pytest.fixture(scope="module")
def computed(model, ws, weighting):
    """Returns the image [H, W, 3] of the latents and the gradient [23, D] of its weighted sum."""
    # Compiled, because XLA needs a third of the memory.
    compiled = tf.function(
        lambda ws: image_and_gradient(model, ws, weighting=weighting), jit_compile=True
    )
    image, gradient = compiled(tf.constant(ws))
    return image.numpy()[0], gradient.numpy()[0]


@pytest.fixture(scope="module")
def evaluate(folder):
    """Returns a function from latents [23, D] to the image [H, W, 3] of the IR file, in float64."""

    def image(ws):
        latents = {name: w[None] for name, w in zip(ORDER, ws, strict=True)}
        path = folder / "SynthesisNetwork"
        (planes,) = ir_reference.evaluate(path, {"style": ws[:1]}, latents=latents)
        return planes[0].transpose(1, 2, 0)

    return image


@pytest.fixture(scope="module")
def expected(evaluate, ws):
    return evaluate(ws[0])


def test_the_order_of_the_latents_is_fixed():
    assert list(mobile_stylegan_files.MODULATIONS) == ORDER


@pytest.mark.weights
def test_every_modulation_of_the_network_has_a_latent(folder):
    modules = ir_reference.modulated_modules(folder / "SynthesisNetwork")
    assert sorted(modules) == sorted(ORDER)


@pytest.mark.weights
def test_the_model_has_the_published_sizes(model):
    assert (model.num_ws, model.resolution, model.channels) == (23, 1024, 3)
    assert (model.z_dim, model.w_dim) == (512, 512)


@pytest.mark.weights
def test_the_mapping_equals_the_ir(folder, model):
    z = np.random.RandomState(2).randn(2, 512)
    rows = [ir_reference.evaluate(folder / "MappingNetwork", {"var": row[None]})[0][0] for row in z]
    np.testing.assert_allclose(model.mapping(z.astype("float32")), rows, atol=1e-5)


@pytest.mark.weights
def test_the_image_of_different_latents_equals_the_ir(computed, expected):
    # Between float32 and float64 a difference of 4e-5 is usual.
    error = np.abs(computed[0] - expected).max()
    assert error <= 2e-4, f"error {error:.3g}"


@pytest.mark.weights
def test_every_latent_has_a_gradient(computed):
    _, gradient = computed
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).max(axis=1) > 1e-4).all()


@pytest.mark.weights
def test_the_gradient_equals_finite_differences_of_the_ir(
    evaluate, ws, computed, expected, weighting
):
    """Uses the gradient of each latent as its direction, so that no contributions cancel."""
    lengths = np.linalg.norm(computed[1].astype("float64"), axis=1)
    step = 1e-5 * computed[1] / lengths[:, None]
    actual = (weighting * (evaluate(ws[0] + step) - expected)).sum() / 1e-5
    np.testing.assert_allclose(actual, lengths.sum(), rtol=5e-4)


@pytest.fixture(scope="module")
def tiny_model():
    """Returns a network with one channel for each Haar band and images of 256 x 256 pixels."""
    random = np.random.RandomState(0)
    channels = {"const": (1, 1, 1, 2), "mapping.0.weight": (4, 3), "mapping.0.bias": (3,)}
    resolution = 1
    for name in ORDER:
        part = name.rpartition(".")[2]
        inputs = {"up": 4, "to_img": 2}.get(part, 2 if name == "conv1" else 1)
        channels |= {f"{name}.affine.weight": (3, inputs), f"{name}.affine.bias": (inputs,)}
        if part == "up":
            resolution *= 2
            continue
        outputs = {"conv1": 1, "conv2": 4, "to_img": 12}[part]
        outputs = {"conv1": 4, "layers.6.conv2": 2}.get(name, outputs)
        size = 3 if name == "conv1" else 1
        channels |= {f"{name}.weight": (size, size, inputs, outputs), f"{name}.bias": (outputs,)}
        if part != "to_img":
            channels[f"{name}.noise"] = (1, resolution, resolution, 1)
        if part in ("conv1", "conv2") and name != "conv1":
            channels[f"{name}.depthwise"] = (3, 3, inputs)
    arrays = {key: random.randn(*shape).astype("float32") for key, shape in channels.items()}
    return mobile_stylegan.MobileStyleGAN(arrays)


def test_an_image_and_its_gradient_do_not_depend_on_the_batch(tiny_model):
    ws = tf.constant(np.random.RandomState(1).randn(3, 23, 3).astype("float32"))
    images, gradient = image_and_gradient(tiny_model, ws, weighting=1.0)
    assert images.shape == (3, 256, 256, 3)
    for i in range(3):
        image, alone = image_and_gradient(tiny_model, ws[i : i + 1], weighting=1.0)
        np.testing.assert_allclose(images[i], image[0], atol=1e-5 * np.abs(image).max())
        np.testing.assert_allclose(gradient[i], alone[0], atol=1e-5 * np.abs(alone).max())


def haar_by_loops(x):
    batch, height, width, channels = x.shape
    n = channels // 4
    y = np.zeros((batch, 2 * height, 2 * width, n))
    for i, j, a, b in np.ndindex(height, width, 2, 2):
        ll, lh, hl, hh = (x[:, i, j, k * n : (k + 1) * n] for k in range(4))
        y[:, 2 * i + a, 2 * j + b] = (
            ll + (-1) ** a * lh + (-1) ** b * hl + (-1) ** (a + b) * hh
        ) / 2
    return y


def test_inverse_haar_equals_loops():
    x = np.random.RandomState(0).randn(2, 3, 5, 8)
    np.testing.assert_allclose(mobile_stylegan.inverse_haar(x), haar_by_loops(x), atol=1e-12)


def test_inverse_haar_is_orthonormal():
    basis = np.eye(16).reshape(16, 2, 2, 4)
    matrix = mobile_stylegan.inverse_haar(basis).numpy().reshape(16, 16)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(16), atol=1e-12)


def test_depthwise_convolution_equals_correlation():
    random = np.random.RandomState(0)
    x, kernel = random.randn(2, 5, 7, 3), random.randn(3, 3, 3)
    expected = np.stack(
        [
            [
                scipy.ndimage.correlate(image[..., c], kernel[..., c], mode="constant")
                for c in range(3)
            ]
            for image in x
        ]
    ).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(mobile_stylegan.depthwise_conv3x3(x, kernel), expected, atol=1e-12)


def damaged(folder, tmp_path, network, changes):
    """Returns a copy of the IR files with words of one .xml file replaced."""
    for path in folder.glob("*Network.*"):
        shutil.copy(path, tmp_path)
    path = tmp_path / f"{network}.xml"
    text = path.read_text("utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    return tmp_path


@pytest.mark.weights
@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("m.input.input", "m.input.other", "const"),
        ("m.layers.3.conv1.bias", "m.layers.3.conv1.other", "layers.3.conv1.weight"),
        ("m.layers.3.conv1.bias", "m.layers.9.conv1.bias", "layers.9.conv1.weight"),
        (
            "m.layers.3.conv1.conv.modulation.weight",
            "m.layers.9.conv1.conv.modulation.weight",
            "layers.9.conv1.affine.weight",
        ),
        ("m.layers.3.conv2.bias", "m.layers.3.conv2.other", "layers.3.conv2.weight"),
        ("m.conv1.bias", "m.conv1.other", "conv1.weight"),
        (
            "m.layers.3.up.modulation.weight",
            "m.layers.9.up.modulation.weight",
            "layers.9.up.affine.weight",
        ),
    ],
)
def test_a_missing_or_extra_tensor_is_refused(folder, tmp_path, old, new, named):
    path = damaged(folder, tmp_path, "SynthesisNetwork", {f'"{old}"': f'"{new}"'})
    with pytest.raises(InputError, match=named):
        mobile_stylegan_files.read_arrays(path)


@pytest.mark.weights
def test_a_mapping_without_matrices_is_refused(folder, tmp_path):
    path = damaged(folder, tmp_path, "MappingNetwork", {'type="MatMul"': 'type="Other"'})
    with pytest.raises(InputError, match="mapping"):
        mobile_stylegan_files.read_arrays(path)


XML = """<?xml version="1.0"?>
<net name="tiny" version="10">
  <layers>
    <layer id="0" name="x" type="Parameter" version="opset1">
      <data shape="1, 6" element_type="f32"/>
      <output><port id="0"/></output>
    </layer>
    <layer id="7" name="matrix" type="Const" version="opset1">
      <data element_type="f32" shape="2, 3" offset="8" size="24"/>
      <output><port id="0"/></output>
    </layer>
    <layer id="3" name="axis" type="Const" version="opset1">
      <data element_type="i64" shape="" offset="0" size="8"/>
      <output><port id="0"/></output>
    </layer>
    <layer id="4" name="split" type="VariadicSplit" version="opset1">
      <input><port id="0"/><port id="1"/></input>
      <output><port id="2"/><port id="3"/></output>
    </layer>
    <layer id="5" name="product" type="MatMul" version="opset1">
      <data transpose_a="false" transpose_b="true"/>
      <input><port id="0"/><port id="1"/></input>
      <output><port id="2"/></output>
    </layer>
  </layers>
  <edges>
    <edge from-layer="7" from-port="0" to-layer="5" to-port="1"/>
    <edge from-layer="4" from-port="3" to-layer="5" to-port="0"/>
    <edge from-layer="0" from-port="0" to-layer="4" to-port="0"/>
    <edge from-layer="3" from-port="0" to-layer="4" to-port="1"/>
  </edges>
</net>
"""
MATRIX = np.array([[1, -2, 3.5], [4, 5, 6]], "<f4")
BLOB = np.array(-1, "<i8").tobytes() + MATRIX.tobytes()


def tiny(tmp_path, *, blob=BLOB, **changes):
    """Writes a small IR with replaced words, as pairs (old, new), and returns its stem."""
    text = XML
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "tiny.xml").write_text(text, "utf-8")
    (tmp_path / "tiny.bin").write_bytes(blob)
    return tmp_path / "tiny"


def test_nodes_preserve_their_order_types_and_attributes(tmp_path):
    graph = openvino.read_graph(tiny(tmp_path))
    assert [(key, node.name, node.type) for key, node in graph] == [
        ("0", "x", "Parameter"),
        ("7", "matrix", "Const"),
        ("3", "axis", "Const"),
        ("4", "split", "VariadicSplit"),
        ("5", "product", "MatMul"),
    ]
    assert graph.nodes["5"].attributes == {"transpose_a": "false", "transpose_b": "true"}
    assert graph.nodes["4"].attributes == {}


def test_inputs_follow_the_order_of_the_ports_and_name_the_output_port(tmp_path):
    graph = openvino.read_graph(tiny(tmp_path))
    assert graph.nodes["4"].inputs == (("0", 0), ("3", 0))
    assert graph.nodes["5"].inputs == (("4", 1), ("7", 0))
    assert graph.source(graph.nodes["5"], 1).name == "matrix"


def test_constants_have_the_shape_type_and_values_of_the_file(tmp_path):
    graph = openvino.read_graph(tiny(tmp_path))
    matrix, axis = graph.constant(graph.nodes["7"]), graph.constant(graph.nodes["3"])
    np.testing.assert_array_equal(matrix, MATRIX)
    assert (matrix.dtype, axis.dtype) == (np.float32, np.int64)
    assert (axis.shape, int(axis)) == ((), -1)
    assert not matrix.flags.writeable


@pytest.mark.parametrize(
    "change",
    [
        ('offset="8"', 'offset="9"'),
        ('offset="8"', 'offset="-1"'),
        ('offset="8"', 'offset="999"'),
        ('size="24"', 'size="20"'),
        ('shape="2, 3"', 'shape="2, 4"'),
    ],
    ids=" ".join,
)
def test_a_constant_outside_the_bin_file_is_refused(tmp_path, change):
    graph = openvino.read_graph(tiny(tmp_path, change=change))
    with pytest.raises(InputError, match="'matrix'"):
        graph.constant(graph.nodes["7"])


def test_a_truncated_bin_file_is_refused(tmp_path):
    graph = openvino.read_graph(tiny(tmp_path, blob=BLOB[:-1]))
    with pytest.raises(InputError, match="'matrix'"):
        graph.constant(graph.nodes["7"])


@pytest.mark.parametrize(
    "change",
    [('version="10"', 'version="11"'), ("net ", "model "), ("</net>", "")],
    ids=["version", "root", "broken"],
)
def test_an_unsupported_format_is_refused(tmp_path, change):
    changes = {"change": change}
    if change[0] == "net ":
        changes["end"] = ("</net>", "</model>")
    with pytest.raises(InputError, match="OpenVINO IR"):
        openvino.read_graph(tiny(tmp_path, **changes))


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_missing_file_is_refused(tmp_path, suffix):
    stem = tiny(tmp_path)
    stem.with_suffix(suffix).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        openvino.read_graph(stem)


@pytest.mark.parametrize(
    "change",
    [
        ('<edge from-layer="3" from-port="0" to-layer="4" to-port="1"/>', ""),
        ('from-layer="7"', 'from-layer="70"'),
        ('from-port="3"', 'from-port="9"'),
        ("layers>", "others>"),
        ("edges>", "others>"),
    ],
    ids=["no edge", "no layer", "no port", "no layers", "no edges"],
)
def test_an_inconsistent_graph_is_refused(tmp_path, change):
    with pytest.raises(InputError):
        openvino.read_graph(tiny(tmp_path, change=change))


def test_a_constant_of_another_type_is_refused(tmp_path):
    stem = tiny(tmp_path, change=('element_type="f32" shape="2', 'element_type="u1" shape="2'))
    graph = openvino.read_graph(stem)
    with pytest.raises(InputError):
        graph.constant(graph.nodes["7"])


def test_an_adapted_network_round_trips_through_a_preset(tiny_model, tmp_path):
    adaptation = Adaptation(tiny_model, scale=0.2)
    adapted = AdaptedGenerator(adaptation, np.random.RandomState(2).randn(adaptation.size))
    ws = np.random.RandomState(1).randn(1, 23, 3).astype("float32")
    loaded = load_generator(adapted.save(tmp_path))
    image = adapted.synthesis(ws)
    np.testing.assert_allclose(loaded.synthesis(ws), image, atol=1e-5 * np.abs(image).max())
    assert np.abs(np.asarray(tiny_model.synthesis(ws)) - np.asarray(image)).max() > 1e-2
    assert describe_generator(tmp_path).resolution == 256


def test_only_weights_and_biases_of_convolutions_are_adapted(tiny_model):
    parts = {weight.name.rpartition("_")[2] for weight in tiny_model.adaptable_weights}
    assert parts == {"depthwise", "weight", "bias"}
    assert not any("affine" in w.name or "mapping" in w.name for w in tiny_model.adaptable_weights)
    assert len(tiny_model.adaptable_weights) == 16 * 2 + 14


@pytest.mark.parametrize("name", ["layers/3/conv1/weight", "layers.3.conv1.weight"])
def test_a_preset_with_a_weight_of_another_shape_is_refused(tiny_model, tmp_path, name):
    folder = save_preset(tiny_model, tmp_path)
    with h5py.File(folder / "model.weights.h5", "a") as file:
        file.pop("layers.3.conv1.weight")
        file.create_dataset(name, data=np.zeros([1, 1, 7, 7]))
    with pytest.raises(InputError, match="`generator` must have") as error:
        load_generator(folder)
    assert "\n" not in str(error.value)
