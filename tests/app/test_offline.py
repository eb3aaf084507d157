"""Gradio stays on this machine."""

import os

import pytest

from brgm_tf.app import offline
from brgm_tf.core.errors import InputError


def test_the_variables_are_set(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "environ", {"GRADIO_SHARE": "True"})
    monkeypatch.setattr(offline.importlib.util, "find_spec", lambda name: name)
    offline.set_environment(tmp_path)
    assert os.environ["GRADIO_SHARE"] == "False"
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path)


def test_a_missing_gradio_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(offline.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'brgm_tf\[app\]'"):
        offline.set_environment(tmp_path)


@pytest.mark.filterwarnings("ignore")  # of Gradio's own imports
def test_an_address_of_a_visitor_is_not_fetched(monkeypatch):
    pytest.importorskip("gradio")
    from gradio import processing_utils

    for name in ("async_ssrf_protected_download", "ssrf_protected_download", "save_url_to_cache"):
        monkeypatch.setattr(processing_utils, name, getattr(processing_utils, name))
    offline.refuse_addresses()
    with pytest.raises(ValueError, match="must be uploaded"):
        processing_utils.save_url_to_cache("https://example.com/a.png", cache_dir="/tmp")
