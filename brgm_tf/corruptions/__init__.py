"""Corruptions: ways in which an image is damaged, by name.

A new corruption is one file and one row here; flags, `--help` and the generic tests
take it up from the row. TensorFlow is imported only when a corruption is created.
"""

from __future__ import annotations

from brgm_tf.registry import (
    MAX_INT,
    REQUIRED,
    Parameter,
    Registry,
    Row,
    boolean,
    boxes,
    file_name,
    fraction,
    integer,
    number,
    one_of,
    positive_float,
    positive_int,
    ratio,
)

_BORDER = Parameter(
    "reflect",
    one_of("reflect", "circular", "zero"),
    "how the image goes on beyond its edges; zero is mid-grey",
)
_FILL = Parameter(1.0, number(-1, 1), "value of missing pixels, -1 black to 1 white")
_SEED = Parameter(0, integer(0, MAX_INT), "of the draw, which is the same for all images")

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
            {"fill": _FILL},
        ),
        "random_mask": Row(
            "brgm_tf.corruptions.random_mask:RandomMask",
            "pixels missing here and there, the same ones in all images",
            {
                "share": Parameter(REQUIRED, fraction, "of the pixels that are missing, in (0, 1)"),
                "seed": _SEED,
                "fill": _FILL,
            },
        ),
        "box_mask": Row(
            "brgm_tf.corruptions.box_mask:BoxMask",
            "boxes missing, the same ones in all images",
            {
                "boxes": Parameter(
                    REQUIRED, boxes, "[(top, left, bottom, right), ...] in fractions of the sides"
                ),
                "fill": _FILL,
            },
        ),
        "scratches": Row(
            "brgm_tf.corruptions.scratches:Scratches",
            "straight lines missing from side to side, the same ones in all images",
            {
                "count": Parameter(REQUIRED, integer(1, 1000), "of scratches"),
                "width": Parameter(REQUIRED, positive_int, "of a scratch, pixels"),
                "seed": _SEED,
                "fill": _FILL,
            },
        ),
        "half_mask": Row(
            "brgm_tf.corruptions.half_mask:HalfMask",
            "one half missing: out-painting",
            {
                "side": Parameter(
                    REQUIRED, one_of("left", "right", "top", "bottom"), "the half that is missing"
                ),
                "fill": _FILL,
            },
        ),
        "gamma": Row(
            "brgm_tf.corruptions.gamma:Gamma",
            "another gamma: intensities to a power",
            {"gamma": Parameter(REQUIRED, positive_float, "the exponent; above 1 darker")},
        ),
        "gain": Row(
            "brgm_tf.corruptions.gain:Gain",
            "another contrast and brightness: gain times grey level plus bias, not clipped",
            {
                "gain": Parameter(REQUIRED, positive_float, "factor on grey levels"),
                "bias": Parameter(0.0, number(-255, 255), "grey levels added"),
            },
        ),
        "clip": Row(
            "brgm_tf.corruptions.clip:Clip",
            "over- and underexposure: grey levels beyond two bounds become the bounds",
            {
                "low": Parameter(0.0, number(0, 255), "least grey level"),
                "high": Parameter(255.0, number(0, 255), "largest grey level"),
            },
        ),
        "quantise": Row(
            "brgm_tf.corruptions.quantise:Quantise",
            "fewer bits: grey levels rounded to the nearest of 2^bits",
            {"bits": Parameter(REQUIRED, integer(1, 16), "of a channel")},
        ),
        "jpeg": Row(
            "brgm_tf.corruptions.jpeg:Jpeg",
            "JPEG compression, with chroma at half the resolution",
            {"quality": Parameter(REQUIRED, integer(1, 100), "of the IJG's scale")},
        ),
    },
)
