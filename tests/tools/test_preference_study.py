"""Study of human preference: the fit against known strengths, and the page in a browser."""

import csv
import html
import io
import json
import re

import numpy as np
import preference_study
import pytest
from browser import dom
from PIL import Image, PngImagePlugin
from preference import answers, bradley_terry, study

from brgm_tf.core.errors import InputError

STRENGTHS = {"alpha": 4.0, "beta": 2.0, "gamma": 1.0}
NUM_IMAGES = 30


def probabilities(theta):
    return 1 / (1 + np.exp(theta - np.reshape(theta, [-1, 1])))


# The fit.


def test_two_methods_have_the_strengths_and_errors_of_the_closed_form():
    fit = bradley_terry.fit([[0, 30], [12, 0]])
    ratio, stddev = np.log(30 / 12), np.sqrt(1 / 30 + 1 / 12)
    np.testing.assert_allclose(fit.log_strengths, [ratio / 2, -ratio / 2], atol=1e-12)
    np.testing.assert_allclose(fit.stddev, [stddev / 2, stddev / 2], rtol=1e-10)


def test_expected_answers_give_the_strengths_back():
    theta = np.array([1.3, 0.4, -0.2, -1.5])
    answered = np.random.default_rng(0).integers(5, 200, [4, 4])
    fit = bradley_terry.fit(
        np.triu(answered + answered.T, 1) * probabilities(theta)
        + np.tril(answered + answered.T, -1) * probabilities(theta)
    )
    np.testing.assert_allclose(fit.log_strengths, theta, atol=1e-10)


def test_intervals_hold_the_true_strengths_in_95_of_100_studies():
    rng = np.random.default_rng(1)
    theta, inside = np.array([0.8, 0.0, -0.8]), []
    for _ in range(600):
        first = np.triu(rng.binomial(60, probabilities(theta)), 1)
        wins = first + np.tril((60 - first).T, -1)
        low, high = bradley_terry.fit(wins).interval()
        inside.append((low <= theta) & (theta <= high))
    # Three standard errors of 1800 dependent trials, taken as 600 independent ones.
    assert np.mean(inside) == pytest.approx(0.95, abs=3 * np.sqrt(0.95 * 0.05 / 600))


def test_the_order_of_the_methods_does_not_matter():
    wins = np.array([[0, 9, 5], [3, 0, 8], [4, 2, 0]])
    order = [2, 0, 1]
    shuffled = bradley_terry.fit(wins[np.ix_(order, order)])
    fit = bradley_terry.fit(wins)
    np.testing.assert_allclose(shuffled.log_strengths, fit.log_strengths[order], atol=1e-10)
    np.testing.assert_allclose(shuffled.stddev, fit.stddev[order], rtol=1e-8)


def test_a_method_that_always_wins_is_refused():
    with pytest.raises(InputError, match="--pseudo_answers=1"):
        bradley_terry.fit([[0, 5, 5], [0, 0, 3], [0, 2, 0]])


def test_pseudo_answers_bound_the_strength_of_a_method_that_always_wins():
    fit = bradley_terry.fit([[0, 5], [0, 0]], pseudo_answers=1)
    assert fit.log_strengths[0] == pytest.approx(np.log(5.5 / 0.5) / 2)


# The answers.


KEY = study.Key("s1", "faces", {"m0": "ours", "m1": "theirs"})
HEAD = "study,rater,seed,image,left,right,choice,seconds\n"


def counted(tmp_path, *rows, head=HEAD):
    path = tmp_path / "answers.csv"
    path.write_text(head + "".join(f"{row}\n" for row in rows))
    return answers.count([path], keys=[KEY])


def test_the_key_gives_the_methods_of_left_and_right(tmp_path):
    rows = ("s1,ann,1,a,m0,m1,left,2", "s1,ann,1,b,m1,m0,left,2", "s1,bob,7,a,m1,m0,right,2")
    (counts,) = counted(tmp_path, *rows)
    assert (counts.task, counts.methods, counts.raters) == ("faces", ("ours", "theirs"), 2)
    assert counts.wins.tolist() == [[0, 2], [1, 0]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "must contain answers"),
        (["s2,ann,1,a,m0,m1,left,2"], "--keys"),
        (["s1,ann,1,a,m0,m1,both,2"], "written by the page"),
        (["s1,ann,1,a,m0,m0,left,2"], "written by the page"),
        (["s1,ann,1,a,m0"], "written by the page"),
        (["s1,ann,1,a,m0,m1,left,2", "s1,ann,1,a,m1,m0,left,2"], "repeat"),
    ],
)
def test_unusable_answers_are_refused(tmp_path, rows, expected):
    with pytest.raises(InputError, match=expected):
        counted(tmp_path, *rows)


# The page.


def picture(path, level):
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Software", f"written by {path.parent.name}")
    Image.new("L", (8, 8), level).save(path, pnginfo=notes)


@pytest.fixture
def folders(tmp_path):
    """Folders of three methods and of the truth; one method has the folders of a run."""
    for number in range(NUM_IMAGES):
        picture(tmp_path / "truth" / f"{number:02}.png", 128)
        picture(tmp_path / "alpha" / f"{number:02}" / "reconstruction.png", 100 + number)
        picture(tmp_path / "beta" / f"{number:02}.png", 60 + number)
        picture(tmp_path / "gamma" / f"{number:02}.png", 30 + number)
    return tmp_path


def methods(folders):
    return {name: folders / name for name in STRENGTHS}


def test_the_page_tells_nothing_about_the_methods(folders):
    made = study.make(methods(folders), truth=folders / "truth")
    assert not re.search("alpha|beta|gamma|written by", made.html)
    assert sorted(made.key.methods.values()) == sorted(STRENGTHS)
    assert "://" not in made.html


def test_codes_depend_on_the_seed(folders):
    keys = [study.make(methods(folders), seed=seed).key for seed in range(4)]
    assert len({tuple(sorted(key.methods.items())) for key in keys}) > 1
    assert len({key.study for key in keys}) == 4


def test_a_missing_picture_is_named(folders):
    (folders / "beta" / "03.png").unlink()
    with pytest.raises(InputError, match="beta and alpha differ in 03"):
        study.make(methods(folders))


def test_an_image_without_a_truth_is_named(folders):
    (folders / "truth" / "03.png").unlink()
    with pytest.raises(InputError, match=r"`truth` must hold a picture of each image.*03"):
        study.make(methods(folders), truth=folders / "truth")


# A rater with these strengths: the first method of a pair wins the fraction p of its images.
RATER = """<script>
const strengths = STRENGTHS;
$("rater").value = "Ann, the \\"first\\"";
$("begin").click();
while (!$("trial").hidden) {
  const [index, left, right] = loaded[state.answers.length];
  const [a, b] = [left, right].sort();
  const p = strengths[a] / (strengths[a] + strengths[b]);
  const winner = (index + 0.5) / study.images.length < p ? a : b;
  $(winner === left ? "left" : "right").click();
  if (state.answers.length === 5 && !window.changed) {
    window.changed = true;
    $("back").click();
  }
}
URL.createObjectURL = (blob) => {
  blob.text().then((text) => {
    const output = document.createElement("pre");
    output.id = "file";
    output.textContent = text;
    document.body.append(output);
  });
  return "#";
};
$("save").click();
</script></body>"""


@pytest.mark.browser
def test_the_strengths_of_a_rater_are_found_from_the_file_that_the_browser_saves(folders, capsys):
    command = ["page", str(folders / "study"), "--task=faces", "--truth", str(folders / "truth")]
    named = [f"{name}={folder}" for name, folder in methods(folders).items()]
    assert preference_study.main([*command, "--methods", *named]) == 0
    page, key = folders / "study" / "study.html", folders / "study" / "key.json"
    codes = json.loads(key.read_text())["methods"]
    strengths = json.dumps({code: STRENGTHS[name] for code, name in codes.items()})
    rater = RATER.replace("STRENGTHS", strengths)
    page.write_text(page.read_text("utf-8").replace("</body>", rater), "utf-8")

    saved = dom(page, profile=folders / "profile")
    text = html.unescape(re.search(r'<pre id="file">(.*?)</pre>', saved, re.DOTALL)[1])
    rows = list(csv.DictReader(io.StringIO(text)))
    pairs = {(row["image"], *sorted([row["left"], row["right"]])) for row in rows}
    assert len(rows) == len(pairs) == 3 * NUM_IMAGES
    assert {row["rater"] for row in rows} == {'Ann, the "first"'}
    assert 0.3 < np.mean([row["left"] < row["right"] for row in rows]) < 0.7
    assert [row["image"] for row in rows] != sorted(row["image"] for row in rows)

    file = folders / "answers.csv"
    file.write_text(text, "utf-8")
    output = folders / "fitted"
    fit = ["fit", str(output), "--keys", str(key), "--answers", str(file)]
    assert preference_study.main(fit) == 0
    assert (output / "figure.png").stat().st_size > 5000
    table = list(csv.DictReader((output / "table.csv").read_text().splitlines()))
    assert [row["method"] for row in table] == ["alpha", "beta", "gamma"]
    theta = np.log(list(STRENGTHS.values()))
    estimates = [float(row["log_strength"]) for row in table]
    np.testing.assert_allclose(estimates, theta - theta.mean(), atol=0.05)


def test_an_unusable_argument_is_one_line(tmp_path, capsys):
    command = ["page", str(tmp_path / "out"), "--methods", f"a={tmp_path}", f"b={tmp_path}"]
    assert preference_study.main(command) == 2
    assert capsys.readouterr().err.startswith("error: --methods: `methods` must be a folder of")
