"""Lists of generators and presets."""

from brgm_tf import list_generators, list_presets
from brgm_tf.pipeline.listings import PRESETS
from brgm_tf.weights.catalogue import GENERATORS


def test_every_preset_has_a_description_of_one_sentence():
    listing = list_presets()
    assert set(listing) == {path.name for path in PRESETS.glob("*.cfg")}
    for name, text in listing.items():
        assert text.endswith("."), name
        assert ": " in text, name


def test_every_generator_has_a_size_and_a_description():
    listing = list_generators()
    assert list(listing) == list(GENERATORS)
    assert listing["xray-64"].startswith("64 x 64, ")


def test_a_listing_prints_a_line_for_each_name():
    lines = str(list_presets()).splitlines()
    assert len(lines) == len(list_presets())
    assert lines[0].split(maxsplit=1) == ["bits.cfg", list_presets()["bits.cfg"]]
