"""Corruptions: ways in which an image is damaged, by name.

A new corruption is one file and one row here; flags, `--help` and the generic tests
take it up from the row. TensorFlow is imported only when a corruption is created.
"""

from __future__ import annotations

from brgm_tf.registry import (
    REQUIRED,
    Parameter,
    Registry,
    Row,
    boolean,
    file_name,
    number,
    one_of,
    ratio,
)

_BORDER = Parameter(
    "reflect",
    one_of("reflect", "circular", "zero"),
    "how the image goes on beyond its edges; zero is mid-grey",
)

CORRUPTIONS = Registry(
    "corruption",
    {
        "none": Row(
            "brgm_tf.corruptions.identity:Identity",
            "the image itself: inversion into the generator's latents",
        ),
        "downsample": Row(
            "brgm_tf.corruptions.downsample:Downsample",
            "fewer pixels: super-resolution",
            {
                "factor": Parameter(REQUIRED, ratio, "pixels of the image a side; 2.5 will do"),
                "method": Parameter(
                    "box",
                    one_of("box", "bicubic", "bicubic_antialias", "lanczos", "nearest"),
                    "box: mean of a block; bicubic: PyTorch's, without antialiasing; "
                    "bicubic_antialias, lanczos and nearest: Pillow's",
                ),
            },
        ),
        "blur": Row(
            "brgm_tf.corruptions.blur:Blur",
            "a Gaussian blur",
            {
                "sigma": Parameter(REQUIRED, number(0.1, 1000), "standard deviation in pixels"),
                "border": _BORDER,
            },
        ),
        "motion_blur": Row(
            "brgm_tf.corruptions.motion_blur:MotionBlur",
            "a blur along a line: the camera moved",
            {
                "length": Parameter(REQUIRED, number(1, 1000), "of the line, in pixels"),
                "angle": Parameter(
                    0.0, number(-360, 360), "degrees, counter-clockwise from horizontal"
                ),
                "border": _BORDER,
            },
        ),
        "disk_blur": Row(
            "brgm_tf.corruptions.disk_blur:DiskBlur",
            "a blur over a disk: out of focus",
            {
                "radius": Parameter(REQUIRED, number(0.5, 1000), "of the disk, in pixels"),
                "border": _BORDER,
            },
        ),
        "kernel_blur": Row(
            "brgm_tf.corruptions.kernel_blur:KernelBlur",
            "a blur by a kernel from a file",
            {
                "file": Parameter(
                    REQUIRED, file_name(".npy", ".png"), "kernel: .npy array or grey .png"
                ),
                "normalise": Parameter(True, boolean, "whether the kernel is made to sum to 1"),
                "border": _BORDER,
            },
        ),
        "grayscale": Row(
            "brgm_tf.corruptions.grayscale:Grayscale",
            "colours lost: colourisation",
            {
                "weights": Parameter(
                    "luma", one_of("luma", "mean"), "luma: of ITU-R BT.601; mean: 1/3 each"
                )
            },
        ),
        "bayer": Row(
            "brgm_tf.corruptions.bayer:Bayer",
            "one colour a pixel, as a camera's sensor sees: demosaicing",
            {
                "pattern": Parameter(
                    "RGGB",
                    one_of("RGGB", "BGGR", "GRBG", "GBRG"),
                    "colours of the first two pixels of two rows",
                )
            },
        ),
        "mask": Row(
            "brgm_tf.corruptions.mask:Mask",
            "pixels missing: in-painting; the mask itself comes with each image",
            {"fill": Parameter(1.0, number(-1, 1), "value of missing pixels, -1 black to 1 white")},
        ),
    },
)
