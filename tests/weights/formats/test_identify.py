"""Files with another network or an unsupported option are refused in one line."""

import math
import struct
import subprocess
import sys

import pytest
from torch_files import Call, Name, array, program

from brgm_tf.core.errors import InputError
from brgm_tf.weights.formats import identify


def network(build, *, version=4, module="dnnlib.tflib.network", **state):
    """Returns a network as dnnlib.tflib pickles it."""
    common = {"version": version, "name": "G", "static_kwargs": {}, "build_module_src": ""}
    state = {**common, "build_func_name": build, "variables": [], **state}
    return Call(Name(module, "Network"), (), state)


def triple(build="G_main", *, synthesis="G_synthesis_stylegan2", **state):
    """Returns the three networks of NVIDIA's stylegan2, without their tensors."""
    parts = {"synthesis": network(synthesis), "mapping": network("G_mapping")}
    return (network(build, components=parts, **state),) * 3


def saved(class_name, *, args=(), kwargs=None, **modules):
    """Returns a module as torch_utils.persistence pickles it."""
    state = {"_init_args": args, "_init_kwargs": kwargs or {}, "_modules": modules}
    meta = {"class_name": class_name, "module_src": "", "state": state}
    return Call(Name("torch_utils.persistence", "_reconstruct_persistent_obj"), (meta,))


def generator(*args, **options):
    """Returns a generator of stylegan2-ada-pytorch without its tensors."""
    block = saved("SynthesisBlock", conv1=saved("SynthesisLayer"))
    synthesis = saved("SynthesisNetwork", b4=block)
    return {"G_ema": saved("Generator", args=args, kwargs=options, synthesis=synthesis)}


def zeros(*shape):
    return array(shape, bytes(4 * math.prod(shape)))


def plane(taps):
    """Returns a filter as rosinality stores it: with two axes and a gain of 4."""
    values = [4 * x * y / sum(taps) ** 2 for x in taps for y in taps]
    return array((len(taps),) * 2, struct.pack(f"<{len(values)}f", *values))


def message_of(data, tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(data if isinstance(data, bytes) else program(data))
    with pytest.raises(InputError) as caught:
        identify.read(path, argument="checkpoint")
    message = str(caught.value)
    assert message.startswith("`checkpoint` must")
    assert len(message.splitlines()) == 1
    assert len(message) < 900
    return message


def words_of(data, tmp_path):
    message = message_of(data, tmp_path)
    start, end = "`checkpoint` must be a StyleGAN2 generator, and this is ", ". Give a pickle of"
    assert message.startswith(start)
    assert end in message
    return message.removeprefix(start).partition(end)[0]


def test_a_stylegan1_is_identified_as_config_a(tmp_path):
    words = words_of((network("G_style", version=3),) * 3, tmp_path)
    assert words == "a StyleGAN1 (TensorFlow 1), which is config a in the paper of StyleGAN2"


def test_configs_b_to_d_are_identified(tmp_path):
    words = words_of(triple(synthesis="G_synthesis_stylegan_revised"), tmp_path)
    assert words == "a StyleGAN2 of config b, c or d, with progressive growing (TensorFlow 1)"


def test_a_progressive_gan_is_identified(tmp_path):
    networks = (network("G_paper", version=2, module="tfutil"),) * 3
    assert words_of(networks, tmp_path) == "a Progressive GAN (TensorFlow 1)"


@pytest.mark.parametrize("build", ["G_main", "D_main", "G_other"])
def test_other_networks_of_tensorflow_1_are_identified(build, tmp_path):
    words = words_of((network(build),) * 3, tmp_path)
    assert words == "a pickle of dnnlib.tflib Networks with other functions than StyleGAN2's"


def test_networks_of_an_old_version_are_identified(tmp_path):
    words = words_of(triple(version=3), tmp_path)
    assert words == "a pickle of dnnlib.tflib Networks from before version 4"


def test_a_stylegan3_is_identified(tmp_path):
    synthesis = saved("SynthesisNetwork", input=saved("SynthesisInput"))
    data = {"G_ema": saved("Generator", synthesis=synthesis)}
    assert words_of(data, tmp_path) == "a StyleGAN3"


@pytest.mark.parametrize("name", ["TriPlaneGenerator", "Discriminator"])
def test_another_class_is_named(name, tmp_path):
    words = words_of({"G_ema": saved(name)}, tmp_path)
    assert words == f"a pickle of torch_utils.persistence whose generator is a '{name}'"


def test_another_synthesis_network_is_named(tmp_path):
    data = {"G_ema": saved("Generator", synthesis=saved("SynthesisNetwork"))}
    assert words_of(data, tmp_path).endswith("with a synthesis network unlike StyleGAN2's")


def test_a_module_saved_alone_is_named(tmp_path):
    assert words_of(saved("Generator"), tmp_path) == "a single pickled object, 'Generator'"


STATE = {"conv1.conv.weight": zeros(3)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"g_ema": {**STATE, "iwt.ll": zeros(2, 2)}}, "a SWAGAN"),
        ({"generator": {}, "g_running": STATE}, "style-based-gan-pytorch (StyleGAN1)"),
        (
            {"generator.progression.0.conv1.bias": zeros(3)},
            "style-based-gan-pytorch (StyleGAN1)",
        ),
        ({"GAN": STATE, "version": "1.8"}, "a checkpoint of lucidrains' stylegan2-pytorch"),
        ({"state_dict": STATE, "latent_avg": zeros(3)}, "a checkpoint of an encoder (pSp, e4e)"),
        (STATE, "a bare state dict of rosinality's generator: save it as {'g_ema': ...}"),
        ({"layer.weight": zeros(3)}, "a bare state dict with tensors such as 'layer.weight'"),
        ({"model": 1, 2: 3}, "a dict with the keys ['model']"),
        ([1, 2], "a pickled list"),
        ({}, "a dict with the keys []"),
    ],
    ids=range(10),
)
def test_other_checkpoints_are_identified(data, words, tmp_path):
    assert words in words_of(data, tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG picture"),
    ],
)
def test_files_of_other_kinds_are_identified(content, words, tmp_path):
    assert words_of(content, tmp_path) == words


OPTIONS = {"z_dim": 6, "c_dim": 0, "w_dim": 5, "img_resolution": 4, "img_channels": 3}


def test_missing_tensors_of_a_generator_are_named(tmp_path):
    message = message_of(generator(**OPTIONS), tmp_path)
    assert "tensor='synthesis.b4.resample_filter'" in message


def test_options_may_be_positional(tmp_path):
    message = message_of(generator(6, 0, 5, 4, 3, {}, {"architecture": "orig"}), tmp_path)
    assert "tensor='synthesis.b4.resample_filter'" in message


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"z_dim": 0}, "whose option z_dim must be an integer from 1 to 65536. Received: value=0"),
        (
            {"z_dim": None},
            "whose option z_dim must be an integer from 1 to 65536. Received: value=None",
        ),
        ({"w_dim": 10**30}, "whose option w_dim must be an integer"),
        (
            {"w_dim": "5"},
            "whose option w_dim must be an integer from 1 to 65536. Received: value='5'",
        ),
        ({"c_dim": -1}, "whose option c_dim must be an integer from 0"),
        (
            {"img_resolution": 48},
            "whose option img_resolution must be a power of two. Received: value=48",
        ),
        ({"img_resolution": 2048}, "whose option img_resolution must be an integer from 4 to 1024"),
        (
            {"img_channels": 2},
            "whose option img_channels must be 1 (grey) or 3 (RGB). Received: value=2",
        ),
        ({"tanh": True}, "with an unknown option 'tanh'. Received: value=True"),
        (
            {"mapping_kwargs": {"depth": 3}},
            "with an unknown option 'depth'. Received: value=3",
        ),
        ({"mapping_kwargs": [1]}, "whose options must be named. Received: value='<list>'"),
        (
            {"mapping_kwargs": {"num_layers": 1000}},
            "whose option num_layers must be an integer from 1",
        ),
        (
            {"mapping_kwargs": {"lr_multiplier": 0}},
            "whose option lr_multiplier must be a positive number",
        ),
        (
            {"synthesis_kwargs": {"activation": "gelu"}},
            "whose option activation must be one of linear, ",
        ),
        ({"synthesis_kwargs": {"kernel_size": 2}}, "whose option kernel_size must be odd"),
        ({"synthesis_kwargs": {"use_noise": 1}}, "whose option use_noise must be True or False"),
        (
            {"synthesis_kwargs": {"resample_filter": [1, -1]}},
            "whose option resample_filter must be a filt",
        ),
        (
            {"synthesis_kwargs": {"resample_filter": []}},
            "whose option resample_filter must be a filter",
        ),
        (
            {"synthesis_kwargs": {"resample_filter": ["a"]}},
            "whose option resample_filter must be a filter of a few numbers",
        ),
        ({"synthesis_kwargs": {3: "a"}}, "with an unknown option whose name is not text"),
    ],
    ids=str,
)
def test_an_unsupported_option_is_named(options, phrase, tmp_path):
    message = message_of(generator(**{**OPTIONS, **options}), tmp_path)
    assert f"this is a stylegan2-ada-pytorch pickle {phrase}" in message


def test_malformed_arguments_are_refused(tmp_path):
    data = generator(*range(20))
    expected = "must have the arguments of its generator's constructor"
    assert expected in message_of(data, tmp_path)


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        ({"fmap_decay": 0.5}, "whose option fmap_decay must be 1. Received: value=0.5"),
        ({"fmap_min": 4}, "whose option fmap_min must be 1. Received: value=4"),
        ({"conv_clamp": 256}, "with an unknown option 'conv_clamp'"),
        ({"normalize_latents": 0}, "whose option normalize_latents must be True or False"),
        (
            {"label_size": [1]},
            "whose option label_size must be an integer from 0 to 65536. Received:",
        ),
    ],
    ids=str,
)
def test_an_unsupported_option_of_tensorflow_1_is_named(options, phrase, tmp_path):
    message = message_of(triple(static_kwargs=options), tmp_path)
    assert f"this is an NVIDIA stylegan2 pickle {phrase}" in message


def test_options_that_do_not_change_the_image_are_ignored(tmp_path):
    options = {"truncation_psi": 0.7, "randomize_noise": False, "dtype": "float16"}
    path = tmp_path / "network.pkl"
    path.write_bytes(program(triple(static_kwargs=options)))
    config = identify.read(path, argument="checkpoint").config
    assert (config["resolution"], config["channel_base"]) == (1024, 32768)


def test_variables_other_than_arrays_are_refused(tmp_path):
    networks = triple(variables=[("lod", "0")])
    assert "a variable must be an array with a name" in message_of(networks, tmp_path)


def rosinality(**arrays):
    """Returns the tensors of a network of 4 x 4 pixels that identify it."""
    return {
        "style.1.weight": zeros(5, 5),
        "conv1.conv.weight": zeros(1, 8, 8, 3, 3),
        "to_rgb1.bias": zeros(1, 3, 1, 1),
        **arrays,
    }


@pytest.mark.parametrize(
    ("arrays", "phrase"),
    [
        ({"style.1.weight": zeros(5)}, "must have 2 axes in style.1.weight"),
        ({"convs.0.noise.weight": zeros(1)}, "missing=['convs.1.conv.weight']"),
        ({"convs.1.conv.weight": zeros(1, 16, 8, 3, 3)}, "Received: features=[8, 16]"),
        ({"convs.999.noise.weight": zeros(1)}, "must be an integer from 4 to 1024"),
        ({"to_rgb1.bias": zeros(1, 4, 1, 1)}, "must be an integer from 1 to 3"),
    ],
    ids=range(5),
)
def test_tensors_of_other_networks_are_named(arrays, phrase, tmp_path):
    assert phrase in message_of({"g_ema": rosinality(**arrays)}, tmp_path)


@pytest.mark.parametrize(
    "kernel", [zeros(4, 4), zeros(4), plane([float("nan"), 1.0])], ids=["zeros", "line", "nan"]
)
def test_a_malformed_filter_is_refused(kernel, tmp_path):
    state = rosinality(
        **{"to_rgbs.0.upsample.kernel": kernel, "convs.1.conv.weight": zeros(1, 8, 8, 3, 3)}
    )
    assert "a filter" in message_of({"g_ema": state}, tmp_path)


def test_different_filters_in_one_network_are_named(tmp_path):
    kernels = {"convs.0.conv.blur.kernel": [1, 1], "to_rgbs.0.upsample.kernel": [1, 3, 3, 1]}
    state = rosinality(
        **{name: plane(taps) for name, taps in kernels.items()},
        **{"convs.1.conv.weight": zeros(1, 8, 8, 3, 3)},
    )
    message = message_of({"g_ema": state}, tmp_path)
    assert "must store the low-pass filter" in message
    assert "tensor='convs.0.conv.blur.kernel'" in message


def test_a_file_is_refused_without_tensorflow(tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(program({"g_ema": rosinality()}))
    code = (
        "import sys\n"
        "from brgm_tf.core.errors import InputError\n"
        "from brgm_tf.generators.checkpoints import read_stylegan2\n"
        "try:\n"
        f"    read_stylegan2({str(path)!r})\n"
        "except InputError as error:\n"
        "    sys.exit('missing=' not in str(error) or 'tensorflow' in sys.modules)\n"
        "sys.exit(2)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
