"""Programs are kept between requests of one configuration, and their number is bounded."""

import pytest

from brgm_tf.app import programs as module
from brgm_tf.app.programs import Programs
from brgm_tf.pipeline.config import Config


class Made:
    def __init__(self, config, notify=None):
        self.config = config


@pytest.fixture
def loaded(monkeypatch):
    """Handles of generators in the order in which they were loaded."""
    handles = []

    class Generator:
        synthesis = None
        resolution, channels = 64, 1

    def load(handle, progress=None):
        handles.append(handle)
        return Generator()

    monkeypatch.setattr(module, "load_generator", load)
    monkeypatch.setattr(module, "needs_perceptual", lambda config: False)
    return handles


def restorer(programs, **options):
    return programs.restorer(Config(**options), resolution=64)


def test_equal_configurations_share_a_restorer(loaded):
    programs = Programs(2, make=Made)
    assert restorer(programs) is restorer(programs)
    assert restorer(programs) is not restorer(programs, num_steps=100)
    assert loaded == ["xray-64"]


def test_the_slice_of_a_volume_does_not_matter(loaded):
    programs = Programs(2, make=Made)
    assert restorer(programs, plane="axial") is restorer(programs, plane="coronal", slices="3")


def test_the_least_recently_used_restorer_is_dropped(loaded):
    programs = Programs(2, make=Made)
    first, second = restorer(programs, seed=1), restorer(programs, seed=2)
    assert restorer(programs, seed=1) is first
    restorer(programs, seed=3)
    assert len(programs) == 2
    assert restorer(programs, seed=1) is first
    assert restorer(programs, seed=2) is not second


def test_small_images_begin_with_uncompiled_steps_as_in_the_command(loaded):
    programs = Programs(2, make=Made)
    assert restorer(programs).config.num_uncompiled_steps == 10
    large = programs.restorer(Config(), resolution=1024)
    assert large.config.num_uncompiled_steps == 0


def test_a_kept_program_is_known(loaded):
    programs = Programs(2, make=Made)
    assert not programs.has(Config(), resolution=64)
    restorer(programs)
    assert programs.has(Config(), resolution=64)
