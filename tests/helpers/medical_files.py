"""Generated medical files with values that are a linear function of the patient coordinates."""

import nibabel as nib
import numpy as np
import pydicom
from nibabel.orientations import axcodes2ornt, ornt_transform
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

# Gradient of the values in the patient coordinates: millimetres to the right, front and head.
GRADIENT, OFFSET = np.array([1.0, 3.0, -2.0]), 40.0
TURNED = np.array([[0.98, -0.17, 0.1], [0.17, 0.98, 0.02], [-0.1, 0.0, 0.99]])


def linear(points):
    return points @ GRADIENT + OFFSET


def voxel_points(shape, affine):
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return indices @ affine[:3, :3].T + affine[:3, 3]


def rotation():
    return np.linalg.qr(TURNED)[0] * np.sign(np.diag(np.linalg.qr(TURNED)[1]))


def volume(path, *, axes="RAS", shape=(12, 10, 8), spacing=(2.0, 2.0, 2.0), **header):
    """Writes a slightly rotated volume of linear values, stored with the given axes."""
    affine = np.eye(4)
    affine[:3, :3] = rotation() * spacing
    affine[:3, 3] = -7.0, 5.0, 11.0
    canonical = nib.Nifti1Image(linear(voxel_points(shape, affine)).astype(np.float32), affine)
    stored = canonical.as_reoriented(ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(axes)))
    for name, value in header.items():
        stored.header[name] = value
    nib.save(stored, path)
    return path


def ct(path, *, rows=10, columns=14, slope=0.05, inverted=False, **elements):
    """Writes a rotated DICOM slice of linear values; columns run to the left, rows to the back."""
    elements = {
        "PhotometricInterpretation": "MONOCHROME1" if inverted else "MONOCHROME2",
        "RescaleSlope": slope,
        "RescaleIntercept": -24.0,
        "PixelSpacing": [1.5, 1.5],
        "ImagePositionPatient": [-11.0, 4.0, 9.0],
        # Digits of single precision, because an element has at most 16 characters.
        "ImageOrientationPatient": [0.8, 0.6, 0, -0.6, 0.8, 0],
        **elements,
    }
    data = pydicom.Dataset()
    data.Rows, data.Columns = rows, columns
    for name in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
        setattr(data, name, elements[name])
    values = linear(dicom_points(data))
    return dicom(path, np.rint((values + 24.0) / slope).astype(np.int16), **elements)


def dicom(path, stored, *, syntax=ExplicitVRLittleEndian, **elements):
    """Writes a DICOM slice of samples, int16, uint16 or uint8 [h, w], with further elements."""
    stored = np.asarray(stored)
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    data.PatientName, data.PatientID, data.Modality = "Nobody", "7", "CT"
    data.Rows, data.Columns = stored.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * stored.dtype.itemsize
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(stored.dtype.kind == "i")
    order = "<" if syntax.is_little_endian else ">"
    for name, value in elements.items():
        setattr(data, name, value)
    pixels = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
    data.add_new("PixelData", "OB" if bits == 8 else "OW", pixels)
    data.save_as(path, enforce_file_format=True)
    return path


def dicom_values(data):
    """Returns the values of a DICOM file in its unit."""
    return data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)


def item(**elements):
    """Returns a sequence of one item."""
    dataset = pydicom.Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return [dataset]


def lookup_table(first, entries, *, bits=16):
    """Returns a sequence with one lookup table."""
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    table.add_new("LUTData", "US", list(map(int, entries)))
    return [table]


def functional_groups(path, *, per_frame):
    """Moves geometry, rescale and window of a file into functional groups."""
    data = pydicom.dcmread(path)
    frame, shared, groups = pydicom.Dataset(), pydicom.Dataset(), {}
    for name, group in GROUPS.items():
        if name in data:
            groups.setdefault(group, {})[name] = data[name].value
            delattr(data, name)
    for group, elements in groups.items():
        setattr(frame if group in per_frame else shared, group, item(**elements))
    data.SharedFunctionalGroupsSequence = [shared]
    data.PerFrameFunctionalGroupsSequence = [frame]
    data.NumberOfFrames = 1
    data.save_as(path, enforce_file_format=True)
    return path


GROUPS = {
    "PixelSpacing": "PixelMeasuresSequence",
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
}


def grouped(data):
    """Returns the elements of `functional_groups` at the top level."""
    flat = pydicom.Dataset()
    flat.Rows, flat.Columns = data.Rows, data.Columns
    for name, group in GROUPS.items():
        for sequence in (
            data.PerFrameFunctionalGroupsSequence,
            data.SharedFunctionalGroupsSequence,
        ):
            for macro in sequence[0].get(group) or ():
                if name in macro:
                    setattr(flat, name, macro[name].value)
    return flat


def dicom_points(data):
    along_columns, along_rows = np.reshape(data.ImageOrientationPatient, (2, 3)).astype(float)
    rows, columns = np.meshgrid(np.arange(data.Rows), np.arange(data.Columns), indexing="ij")
    down, right = (float(mm) for mm in data.PixelSpacing)
    return (
        np.array(data.ImagePositionPatient, float)
        + rows[..., None] * down * along_rows
        + columns[..., None] * right * along_columns
    )
