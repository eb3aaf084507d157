"""The flagfile, the Python lines and the archive repeat a run."""

import ast
import zipfile

from brgm_tf.app import replay
from brgm_tf.pipeline.config import Config

CONFIG = Config(
    "half_mask(side='left') + noise(scale=5)",
    estimator="vi",
    num_steps=50,
    seed=3,
    class_label=None,
    overrides={"perceptual_scale": 0.0, "optimizer": None},
)


def test_the_flagfile_has_what_differs_from_the_defaults():
    text = replay.flags_of(CONFIG, picture="photo.png", mask="mask.png")
    assert text.splitlines() == [
        "--input=photo.png",
        "--masks=mask.png",
        "--corruption=half_mask(side='left') + noise(scale=5)",
        "--estimator=vi",
        "--num_steps=50",
        "--seed=3",
        "--perceptual_scale=0.0",
        "--output_dir=results",
    ]


def test_the_python_lines_are_the_same_run():
    tree = ast.parse(replay.script_of(CONFIG, picture="photo.png", mask=None))
    call = tree.body[1].value
    options = {item.arg: ast.literal_eval(item.value) for item in call.keywords}
    assert ast.literal_eval(call.args[0]) == "photo.png"
    assert Config(**options) == Config(
        **{**options, "overrides": {"perceptual_scale": 0.0}, "corruption": CONFIG.corruption}
    )
    assert options["estimator"] == "vi"


def test_the_archive_has_the_inputs_the_results_and_the_texts(tmp_path):
    (tmp_path / "results" / "photo").mkdir(parents=True)
    (tmp_path / "results" / "photo" / "figure.png").write_bytes(b"png")
    (tmp_path / "photo.png").write_bytes(b"input")
    path = replay.write_archive(
        tmp_path / "all.zip",
        results=tmp_path / "results",
        sources=[tmp_path / "photo.png"],
        texts={"run.cfg": "--seed=3\n"},
    )
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["photo.png", "results/photo/figure.png", "run.cfg"]
