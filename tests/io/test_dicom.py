"""DICOM files: grey levels against pydicom's functions, and the position of derived files."""

import io
import struct

import numpy as np
import pydicom
import pytest
from medical_files import (
    ct,
    dicom,
    dicom_points,
    dicom_values,
    functional_groups,
    grouped,
    item,
    linear,
    lookup_table,
)
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from brgm_tf.core.errors import InputError
from brgm_tf.io import images, inputs
from brgm_tf.io.medical import Geometry, Slicing, list_slices, share_windows
from brgm_tf.io.medical.slices import Window

RAMP = np.arange(1024, dtype=np.uint16).reshape(32, 32)
SQUARES = np.arange(1024) ** 2 // 16
FRAME = ("PlanePositionSequence", "FrameVOILUTSequence")


def only(path, **slicing):
    (source,) = list_slices(path, Slicing(**slicing))
    return source


def geometry_of(path, **slicing):
    source = only(path, **slicing)
    return Geometry(source, source.read()[1])


def levels(path, **slicing):
    return (only(path, **slicing).read()[0][..., 0] + 1) * 127.5


def pydicoms_levels(path):
    """Returns the grey levels from pydicom's functions, scaled by the range of their output."""
    data = pydicom.dcmread(path)
    shown = apply_voi_lut(apply_modality_lut(data.pixel_array, data), data)
    largest = 65535 if data.get("VOILUTSequence") else 1023
    return shown / largest * 255


def written(geometry, *, size=8, level=0.0):
    picture = np.full((size, size, 1), level)
    return pydicom.dcmread(io.BytesIO(geometry.encode_image(picture, part="mean")))


def written_stddev(geometry, stddev, *, mean=0.0):
    contents = geometry.encode_stddev(
        np.full((8, 8), stddev), mean=np.full((8, 8, 1), mean), part="stddev"
    )
    return pydicom.dcmread(io.BytesIO(contents))


# Grey levels.


def test_samples_are_mapped_by_the_modality_lut(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, ModalityLUTSequence=lookup_table(0, SQUARES))
    picture, window = only(path, window="0:65535").read()
    data = pydicom.dcmread(path)
    np.testing.assert_allclose(
        window.to_values(picture[..., 0]), apply_modality_lut(data.pixel_array, data), atol=0.01
    )


def test_a_modality_lut_may_start_below_zero(tmp_path):
    table = lookup_table(-512, np.arange(1024))
    path = dicom(tmp_path / "a.dcm", RAMP.astype(np.int16) - 512, ModalityLUTSequence=table)
    np.testing.assert_allclose(levels(path, window="0:1023"), RAMP / 1023 * 255, atol=1e-3)


def test_the_voi_lut_has_priority_over_the_window_of_the_file(tmp_path):
    table = lookup_table(100, np.arange(800) ** 2 // 10)
    window = {"WindowCenter": 512, "WindowWidth": 1024}
    path = dicom(tmp_path / "a.dcm", RAMP, VOILUTSequence=table, **window)
    np.testing.assert_allclose(levels(path), pydicoms_levels(path), atol=1e-4)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_equal_pydicoms(tmp_path, function):
    stored = dict(BitsStored=10, HighBit=9, VOILUTFunction=function)
    path = dicom(tmp_path / "a.dcm", RAMP, WindowCenter=400, WindowWidth=300, **stored)
    np.testing.assert_allclose(levels(path), pydicoms_levels(path), atol=1e-4)


def test_a_lookup_table_of_8_bits_may_have_more_entries_than_256(tmp_path):
    table = lookup_table(0, np.arange(1024) // 4, bits=8)
    path = dicom(tmp_path / "a.dcm", RAMP, VOILUTSequence=table)
    np.testing.assert_allclose(levels(path), RAMP // 4, atol=1e-4)


def test_an_unsigned_first_value_of_a_lookup_table_may_mean_a_negative_one(tmp_path):
    table = lookup_table(2**16 - 1024, np.arange(1024) * 64)
    path = dicom(
        tmp_path / "a.dcm", RAMP, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=table
    )
    np.testing.assert_allclose(levels(path), RAMP * 64 / 65535 * 255, atol=1e-3)


def test_the_requested_window_has_priority_over_the_voi_lut(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, VOILUTSequence=lookup_table(0, SQUARES))
    np.testing.assert_allclose(levels(path, window="0:1023"), RAMP / 1023 * 255, atol=1e-3)


def test_the_error_for_a_voi_lut_without_an_inverse_states_the_remedy(tmp_path):
    table = lookup_table(0, [0, 9, 5, 20])
    path = dicom(tmp_path / "a.dcm", RAMP, VOILUTSequence=table)
    with pytest.raises(
        InputError, match=r"a\.dcm: must have a VOI LUT.*rise or fall throughout.*--window=LOW:HIGH"
    ):
        only(path).read()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("padding", "limit"), [(-2000, None), (2**16 - 2000, None), (-2000, -1500)]
)
def test_padding_does_not_change_the_estimated_window(tmp_path, padding, limit, syntax):
    stored = np.full((32, 32), -2000, np.int16)
    stored[:, :4] = -1800 if limit else -2000
    stored[8:24, 8:24] = np.arange(256).reshape(16, 16)
    path = dicom(tmp_path / "a.dcm", stored, syntax=syntax)
    data = pydicom.dcmread(path)
    data.add_new("PixelPaddingValue", "US" if padding > 0 else "SS", padding)
    if limit:
        data.add_new("PixelPaddingRangeLimit", "SS", limit)
    data.save_as(path)
    np.testing.assert_allclose(only(path).read()[1], np.quantile(range(256), [0.005, 0.995]))


# Series.


def series(folder, count=3, **elements):
    return [
        dicom(folder / f"{i}.dcm", RAMP * i, SOPInstanceUID=f"1.2.{i}", **elements)
        for i in range(1, count + 1)
    ]


def test_a_value_has_the_same_grey_level_in_all_files_of_a_series(tmp_path):
    paths = series(tmp_path)
    windows = {spec.source.read()[1] for spec in inputs.plan(str(tmp_path))}
    everything = [pydicom.dcmread(path).pixel_array for path in paths]
    assert len(windows) == 1
    np.testing.assert_allclose(windows.pop(), np.quantile(everything, [0.005, 0.995]), rtol=1e-12)


def test_files_of_different_series_have_different_windows(tmp_path):
    for i in (1, 2):
        dicom(tmp_path / f"{i}.dcm", RAMP * i, SeriesInstanceUID=f"1.2.3.{i}")
    assert len({spec.source.read()[1] for spec in inputs.plan(str(tmp_path))}) == 2


def test_a_damaged_file_does_not_change_the_window_of_its_series(tmp_path):
    paths = series(tmp_path)
    expected = only(paths[0]).read()[1]
    paths[1].write_bytes(paths[1].read_bytes()[:-100])
    paths[2].unlink()
    first, _ = share_windows([only(path) for path in paths[:2]])
    assert first.read()[1] == expected


def test_the_window_of_a_file_has_priority_in_a_series(tmp_path):
    series(tmp_path, 2)
    dicom(tmp_path / "3.dcm", RAMP, WindowCenter=50, WindowWidth=21)
    assert [spec.source.read()[1].high for spec in inputs.plan(str(tmp_path))][2] == 59.5


# Functional groups.


@pytest.mark.parametrize("per_frame", [(), FRAME])
def test_an_enhanced_file_is_written_at_its_position(tmp_path, per_frame):
    path = functional_groups(ct(tmp_path / "a.dcm"), per_frame=per_frame)
    picture, window = only(path, window="-400:400").read()
    reduced = images.fit(picture, resolution=5)
    contents = Geometry(only(path), window).encode_image(reduced, part="mean")
    after = pydicom.dcmread(io.BytesIO(contents))
    flat = grouped(after)
    values = after.pixel_array * float(flat.RescaleSlope) + float(flat.RescaleIntercept)
    np.testing.assert_allclose(values, linear(dicom_points(flat)), atol=0.11)


@pytest.mark.parametrize("per_frame", [(), FRAME])
def test_the_window_of_an_enhanced_file_is_read_from_and_written_to_its_group(tmp_path, per_frame):
    window = {"WindowCenter": 40, "WindowWidth": 200, "VOILUTFunction": "LINEAR_EXACT"}
    path = functional_groups(ct(tmp_path / "a.dcm", **window), per_frame=per_frame)
    assert only(path).read()[1] == Window(-60.0, 140.0)
    after = written(geometry_of(path, window="-30:70"))
    assert (grouped(after).WindowCenter, grouped(after).WindowWidth) == (20, 100)
    assert "WindowCenter" not in after


def test_an_enhanced_file_without_a_window_receives_a_window_in_a_group(tmp_path):
    path = functional_groups(ct(tmp_path / "a.dcm"), per_frame=())
    after = written(geometry_of(path, window="-30:70"))
    assert grouped(after).WindowCenter == 20
    assert "WindowCenter" not in after


def test_an_enhanced_file_states_the_directions_of_its_rows_and_columns(tmp_path):
    source = only(functional_groups(ct(tmp_path / "a.dcm"), per_frame=FRAME))
    assert (source.about["rows"], source.spacing) == ("A to P", (1.5, 1.5))


def test_non_square_pixels_without_a_size_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"square pixels.*4 x 3"):
        only(dicom(tmp_path / "a.dcm", RAMP, PixelAspectRatio=[4, 3])).header()


# Writing.


@pytest.mark.parametrize("intercept", [-1024, 0, 500])
@pytest.mark.parametrize("stddev", [0.02, 8.0])
def test_a_standard_deviation_has_no_offset(tmp_path, intercept, stddev):
    path = dicom(tmp_path / "a.dcm", RAMP, RescaleSlope=1, RescaleIntercept=intercept)
    after = written_stddev(geometry_of(path, window="0:1020"), stddev)
    np.testing.assert_allclose(dicom_values(after), 4 * stddev, rtol=1e-6)


def test_the_standard_deviation_of_an_inverted_picture_is_not_inverted(tmp_path):
    after = written_stddev(geometry_of(ct(tmp_path / "a.dcm", inverted=True)), 1.0)
    assert after.PhotometricInterpretation == "MONOCHROME2"


@pytest.mark.parametrize(
    "display",
    [
        {"WindowCenter": 500, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"},
        {"VOILUTSequence": lookup_table(0, np.arange(1024) ** 2 // 16)},
    ],
)
def test_a_nonlinear_display_is_inverted_and_preserved_in_the_written_file(tmp_path, display):
    path = dicom(tmp_path / "a.dcm", RAMP, **display)
    picture, _ = only(path).read()
    contents = geometry_of(path).encode_image(picture, part="mean")
    (tmp_path / "out.dcm").write_bytes(contents)
    inside = (picture[..., 0] > -0.95) & (picture[..., 0] < 0.95)
    stored = pydicom.dcmread(tmp_path / "out.dcm").pixel_array
    np.testing.assert_allclose(stored[inside], RAMP[inside], atol=1)
    np.testing.assert_allclose(only(tmp_path / "out.dcm").read()[0], picture, atol=0.02)


def test_a_standard_deviation_is_scaled_by_the_slope_of_a_nonlinear_display(tmp_path):
    sigmoid = {"WindowCenter": 500, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"}
    geometry = geometry_of(dicom(tmp_path / "a.dcm", RAMP, **sigmoid))
    # In the middle the slope of the image is 2 / width.
    np.testing.assert_allclose(dicom_values(written_stddev(geometry, 1.0)), 200 / 127.5, rtol=1e-4)


def test_elements_that_describe_the_original_pixels_are_removed(tmp_path):
    stale = {
        "PixelPaddingValue": 3,
        "PixelPaddingRangeLimit": 5,
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": "7",
        "IconImageSequence": item(Rows=4),
    }
    path = dicom(tmp_path / "a.dcm", RAMP, ModalityLUTSequence=lookup_table(0, SQUARES), **stale)
    after = written(geometry_of(path))
    assert [name for name in (*stale, "ModalityLUTSequence") if name in after] == []


def test_values_of_a_modality_lut_are_written_without_a_lut(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, ModalityLUTSequence=lookup_table(0, SQUARES))
    after = written(geometry_of(path, window="0:60000"))
    assert (after.pixel_array == 30000).all()


def test_float_pixels_are_written_as_floats(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP)
    data = pydicom.dcmread(path)
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(data, name)
    data.BitsAllocated = 32
    data.FloatPixelData = (RAMP / 1024).astype("<f4").tobytes()
    data.save_as(path)
    np.testing.assert_allclose(levels(path, window="0:1"), RAMP / 1024 * 255, atol=1e-4)
    np.testing.assert_allclose(written(geometry_of(path, window="0:1")).pixel_array, 0.5)


def test_big_endian_files_are_written_with_all_bytes_swapped(tmp_path):
    table = lookup_table(0, np.arange(1024) * 64)
    table[0]["LUTData"].VR = "OW"
    table[0]["LUTData"].value = (np.arange(1024) * 64).astype(">u2").tobytes()
    path = dicom(tmp_path / "a.dcm", RAMP, syntax=ExplicitVRBigEndian, VOILUTSequence=table)
    np.testing.assert_allclose(levels(path), RAMP * 64 / 65535 * 255, atol=1e-3)
    after = written(geometry_of(path), level=1.0)
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (after.pixel_array == 1023).all()
    assert after.VOILUTSequence[0].LUTData == (np.arange(1024) * 64).astype("<u2").tobytes()


def with_malformed_element(path, syntax):
    """Writes a file with 3 bytes in the number of averages, an element of 2 bytes."""
    dicom(path, RAMP, syntax=syntax, PatientComments="xyz ")
    order = "<" if syntax.is_little_endian else ">"
    tags = [struct.pack(f"{order}HH", *tag) for tag in ((0x10, 0x4000), (0x28, 0x0003))]
    contents = path.read_bytes()
    start = contents.index(tags[0])
    end = contents.index(b"xyz ") + 4
    if syntax.is_implicit_VR:
        broken = tags[1] + struct.pack("<I", 3) + b"\0\0\0"
    else:
        broken = tags[1] + b"US" + struct.pack(f"{order}H", 3) + b"\0\0\0"
    path.write_bytes(contents[:start] + broken + contents[end:])
    return path


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_malformed_element_outside_the_picture_is_copied(tmp_path, syntax):
    source = only(with_malformed_element(tmp_path / "a.dcm", syntax))
    source.check_contents()
    assert (written(Geometry(source, Window(0, 1000))).pixel_array == 500).all()


def test_a_malformed_element_that_cannot_be_copied_is_refused_when_planning(tmp_path):
    source = only(with_malformed_element(tmp_path / "a.dcm", ExplicitVRBigEndian))
    with pytest.raises(InputError, match=r"`input` a\.dcm must have elements that can be written"):
        source.check_contents()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_files_are_written_uncompressed(tmp_path, syntax):
    path = dicom(tmp_path / "a.dcm", RAMP)
    data = pydicom.dcmread(path)
    if syntax == RLELossless:
        data.compress(syntax)
    else:
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = encapsulate([jpeg2000(RAMP)])
        data["PixelData"].is_undefined_length = True
    data.save_as(path)
    np.testing.assert_allclose(levels(path, window="0:1023"), RAMP / 1023 * 255, atol=1e-3)
    after = written(geometry_of(path, window="0:1000"))
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (after.pixel_array == 500).all()


def jpeg2000(samples):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(samples).save(file, "JPEG2000", irreversible=False, no_jp2=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("syntax", "command"),
    [
        (JPEGLSLossless, "pip install pyjpegls"),
        (JPEGLosslessSV1, "pip install pylibjpeg pylibjpeg-libjpeg"),
    ],
)
def test_a_missing_decoder_is_refused_when_planning_with_the_command_to_install_it(
    tmp_path, syntax, command, monkeypatch
):
    path = dicom(tmp_path / "a.dcm", RAMP)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([b"\xff\xd8" + bytes(100)])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", False)
    with pytest.raises(InputError, match=f"installed package decodes. {command}."):
        only(path).check_contents()


def test_a_truncated_file_is_refused_when_planning(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="`input` must be a DICOM slice that can be read"):
        only(path).check_contents()


def test_a_report_without_a_picture_is_refused(tmp_path):
    path = dicom(tmp_path / "a.dcm", RAMP, Modality="SR")
    data = pydicom.dcmread(path)
    for name in ("Rows", "Columns", "PixelData", "PhotometricInterpretation"):
        delattr(data, name)
    data.save_as(path)
    with pytest.raises(InputError, match=r"a\.dcm must hold a picture.*content='SR'"):
        only(path)
