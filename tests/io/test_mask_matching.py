"""Masks are matched to images by name, or one mask applies to all images."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brgm_tf.core.errors import InputError
from brgm_tf.io import mask_matching


def mask_file(folder, known, name="mask.png"):
    Image.fromarray(np.asarray(known, np.uint8)).save(folder / name)
    return folder / name


KNOWN = [[255, 0], [255, 255]]


def test_one_mask_applies_to_all_images(tmp_path):
    path = mask_file(tmp_path, KNOWN)
    assert mask_matching.match_masks([Path("a.png"), Path("b.png")], path) == [path, path]


def test_masks_in_a_folder_are_matched_by_stem(tmp_path):
    for name in ("a.png", "b.png", "extra.png"):
        mask_file(tmp_path, KNOWN, name)
    matches = mask_matching.match_masks([Path("in/b.jpg"), Path("in/a.tif")], tmp_path)
    assert matches == [tmp_path / "b.png", tmp_path / "a.png"]


def test_a_mask_with_the_same_file_name_has_priority_over_one_with_the_same_stem(tmp_path):
    for name in ("a.png", "a.bmp"):
        mask_file(tmp_path, KNOWN, name)
    assert mask_matching.match_masks([Path("a.bmp")], tmp_path) == [tmp_path / "a.bmp"]
    (error,) = mask_matching.match_masks([Path("a.jpg")], tmp_path)
    assert "for 'a.jpg' there are 2" in str(error)


def test_an_image_without_a_mask_is_named_even_if_the_folder_has_one_file(tmp_path):
    mask_file(tmp_path, KNOWN, "a.png")
    first, error = mask_matching.match_masks([Path("a.png"), Path("b.png")], tmp_path)
    assert first == tmp_path / "a.png"
    assert "'b.png' there are 0" in str(error)


def test_the_mask_for_all_images_is_checked(tmp_path):
    path = mask_file(tmp_path, np.full((4, 4), 255))
    with pytest.raises(InputError, match="`masks` must hide a part"):
        mask_matching.match_masks([Path("a.png")], path)


def test_the_time_to_match_masks_is_proportional_to_their_number(monkeypatch):
    paths = [Path(f"in/{i}.png") for i in range(12000)]
    monkeypatch.setattr(mask_matching, "find_images", lambda *_, **__: paths)
    start = time.process_time()
    assert mask_matching.match_masks(paths, "masks") == paths
    assert time.process_time() - start < 2
