"""The command that runs the notebooks: parameters and warnings."""

from types import SimpleNamespace

import run_notebooks


def executed(name, text):
    output = {"output_type": "stream", "name": name, "text": text}
    return SimpleNamespace(cells=[{"source": "a text"}, {"outputs": [output]}])


def test_parameters_are_replaced_by_name():
    source = "KIMG = 20\nNUM_STEPS = 60\n# a comment"
    replaced = run_notebooks.with_values(source, {"KIMG": 1, "NUM_TRUTHS": 2})
    assert replaced == "KIMG = 1\nNUM_STEPS = 60\n# a comment"


def test_every_notebook_has_parameters_with_few_steps():
    for path in run_notebooks.FOLDER.glob("*.py"):
        cell = path.read_text("utf-8").partition('# %% tags=["parameters"]\n')[2]
        lines = cell.partition("\n\n")[0].splitlines()
        assert {line.partition(" = ")[0] for line in lines} <= set(run_notebooks.FEW), path.name
        assert lines, path.name


def test_a_warning_in_an_output_is_found():
    text = "noise\n/a/b.py:3: UserWarning: it is dark\n  show()\n"
    assert run_notebooks.warnings_of(executed("stderr", text)) == ["UserWarning: it is dark"]
    assert run_notebooks.warnings_of(executed("stderr", "I0000 cpu_feature_guard")) == []
    assert run_notebooks.warnings_of(executed("stdout", text)) == []
