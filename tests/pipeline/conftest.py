"""Restorers shared by all tests of the pipeline."""

import pytest
from small_run import share_restorers


@pytest.fixture(autouse=True)
def _shared_restorers(monkeypatch):
    share_restorers(monkeypatch)
