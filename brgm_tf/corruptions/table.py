"""Corruptions: ways in which an image is damaged, by name.

A new corruption is one file and one row here; flags, `--help` and the generic tests
take it up from the row. TensorFlow is imported only when a corruption is created.
`parsing` reads calls, chains of them, and corruptions from a file of the user's.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from brgm_tf.core.parameter_priors import NOISE_SCALE, Bounded
from brgm_tf.core.registry import REQUIRED, Parameter, Registry, Row
from brgm_tf.core.validation import (
    MAX_INT,
    boolean,
    boxes,
    either,
    file_name,
    fraction,
    integer,
    number,
    one_of,
    optional,
    positive_float,
    positive_int,
    ratio,
)


@dataclasses.dataclass(frozen=True)
class CorruptionRow(Row):
    """A registered corruption.

    Args:
        data_names: names of the per-image arrays that it takes.
        noise_scale: of a stage of noise, its arguments -> the standard deviation of a value in
            grey levels, or None where they do not say; None for what adds no noise.
        fixed_noise: whether the densities take no other noise scale than that.
        outliers: whether the noise loses some values altogether.
        surrogate_gradient: as the class says.
        measures_kspace: whether measurements are complex: k-space, and no pictures.
    """

    data_names: tuple[str, ...] = ()
    noise_scale: Callable[[Mapping[str, object]], float | None] | None = None
    fixed_noise: bool = False
    outliers: bool = False
    straight_through_gradient: bool = False
    measures_kspace: bool = False

    @property
    def adds_noise(self) -> bool:
        """Whether it is a stage of noise."""
        return self.noise_scale is not None


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
        "none": CorruptionRow(
            "brgm_tf.corruptions.identity:Identity",
            "the image itself: inversion into the generator's latents",
        ),
        "downsample": CorruptionRow(
            "brgm_tf.corruptions.resolution.downsample:Downsample",
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
        "blur": CorruptionRow(
            "brgm_tf.corruptions.blur.blur:Blur",
            "a Gaussian blur",
            {
                "sigma": Parameter(
                    REQUIRED,
                    number(0.1, 1000),
                    "standard deviation in pixels",
                    unknown=Bounded(0.3, 10, logarithmic=True),
                ),
                "border": _BORDER,
            },
        ),
        "motion_blur": CorruptionRow(
            "brgm_tf.corruptions.blur.motion_blur:MotionBlur",
            "a blur along a line: the camera moved",
            {
                "length": Parameter(
                    REQUIRED, number(1, 1000), "of the line, in pixels", unknown=Bounded(1, 21)
                ),
                "angle": Parameter(
                    0.0,
                    number(-360, 360),
                    "degrees, counter-clockwise from horizontal",
                    unknown=Bounded(-90, 90),
                ),
                "border": _BORDER,
            },
        ),
        "disk_blur": CorruptionRow(
            "brgm_tf.corruptions.blur.disk_blur:DiskBlur",
            "a blur over a disk: out of focus",
            {
                "radius": Parameter(
                    REQUIRED,
                    number(0.5, 1000),
                    "of the disk, in pixels",
                    unknown=Bounded(0.5, 10, logarithmic=True),
                ),
                "border": _BORDER,
            },
        ),
        "kernel_blur": CorruptionRow(
            "brgm_tf.corruptions.blur.kernel_blur:KernelBlur",
            "a blur by a kernel from a file",
            {
                "file": Parameter(
                    REQUIRED,
                    file_name(".npy", ".png"),
                    "kernel: .npy array or grey .png",
                    suffixes=(".npy", ".png"),
                ),
                "normalize": Parameter(True, boolean, "whether the kernel is made to sum to 1"),
                "border": _BORDER,
            },
        ),
        "grayscale": CorruptionRow(
            "brgm_tf.corruptions.pointwise.grayscale:Grayscale",
            "colours lost: colourisation",
            {
                "weights": Parameter(
                    "luma", one_of("luma", "mean"), "luma: of ITU-R BT.601; mean: 1/3 each"
                )
            },
        ),
        "bayer": CorruptionRow(
            "brgm_tf.corruptions.pointwise.bayer:Bayer",
            "one colour a pixel, as a camera's sensor sees: demosaicing",
            {
                "pattern": Parameter(
                    "RGGB",
                    one_of("RGGB", "BGGR", "GRBG", "GBRG"),
                    "colours of the first two pixels of two rows",
                )
            },
        ),
        "mask": CorruptionRow(
            "brgm_tf.corruptions.masking.mask:Mask",
            "pixels missing: in-painting; the mask itself comes with each image",
            {"fill": _FILL},
            data_names=("missing",),
        ),
        "random_mask": CorruptionRow(
            "brgm_tf.corruptions.masking.random_mask:RandomMask",
            "pixels missing here and there, the same ones in all images",
            {
                "fraction": Parameter(
                    REQUIRED, fraction, "of the pixels that are missing, in (0, 1)"
                ),
                "seed": _SEED,
                "fill": _FILL,
            },
        ),
        "box_mask": CorruptionRow(
            "brgm_tf.corruptions.masking.box_mask:BoxMask",
            "boxes missing, the same ones in all images",
            {
                "boxes": Parameter(
                    REQUIRED, boxes, "[(top, left, bottom, right), ...] in fractions of the sides"
                ),
                "fill": _FILL,
            },
        ),
        "occlusion": CorruptionRow(
            "brgm_tf.corruptions.masking.occlusion:Occlusion",
            "a box of one grey covers the image; it may be unknown where",
            {
                side: Parameter(
                    REQUIRED,
                    number(0, 1),
                    f"edge, as a fraction of the {across}",
                    unknown=Bounded(*bounds),
                )
                for side, across, bounds in (
                    ("top", "height", (0, 0.9)),
                    ("left", "width", (0, 0.9)),
                    ("bottom", "height", (0.1, 1)),
                    ("right", "width", (0.1, 1)),
                )
            }
            | {"fill": dataclasses.replace(_FILL, unknown=Bounded(-1, 1))},
        ),
        "scratches": CorruptionRow(
            "brgm_tf.corruptions.masking.scratches:Scratches",
            "straight lines missing from side to side, the same ones in all images",
            {
                "count": Parameter(REQUIRED, integer(1, 1000), "of scratches"),
                "width": Parameter(REQUIRED, positive_int, "of a scratch, pixels"),
                "seed": _SEED,
                "fill": _FILL,
            },
        ),
        "half_mask": CorruptionRow(
            "brgm_tf.corruptions.masking.half_mask:HalfMask",
            "one half missing: out-painting",
            {
                "side": Parameter(
                    REQUIRED, one_of("left", "right", "top", "bottom"), "the half that is missing"
                ),
                "fill": _FILL,
            },
        ),
        "gamma": CorruptionRow(
            "brgm_tf.corruptions.pointwise.gamma:Gamma",
            "another gamma: intensities to a power",
            {
                "gamma": Parameter(
                    REQUIRED,
                    positive_float,
                    "the exponent; above 1 darker",
                    unknown=Bounded(0.2, 5, logarithmic=True),
                )
            },
        ),
        "gain": CorruptionRow(
            "brgm_tf.corruptions.pointwise.gain:Gain",
            "another contrast and brightness: gain times grey level plus bias, not clipped",
            {
                "gain": Parameter(
                    REQUIRED,
                    positive_float,
                    "factor on grey levels",
                    unknown=Bounded(0.1, 10, logarithmic=True),
                ),
                "bias": Parameter(
                    0.0, number(-255, 255), "grey levels added", unknown=Bounded(-100, 100)
                ),
            },
        ),
        "clip": CorruptionRow(
            "brgm_tf.corruptions.pointwise.clip:Clip",
            "over- and underexposure: grey levels beyond two bounds become the bounds",
            {
                "low": Parameter(0.0, number(0, 255), "least grey level"),
                "high": Parameter(255.0, number(0, 255), "largest grey level"),
            },
            straight_through_gradient=True,
        ),
        "quantise": CorruptionRow(
            "brgm_tf.corruptions.pointwise.quantise:Quantise",
            "fewer bits: grey levels rounded to the nearest of 2^bits",
            {"bits": Parameter(REQUIRED, integer(1, 16), "of a channel")},
            straight_through_gradient=True,
        ),
        "jpeg": CorruptionRow(
            "brgm_tf.corruptions.pointwise.jpeg:Jpeg",
            "JPEG compression, with chroma at half the resolution",
            {"quality": Parameter(REQUIRED, integer(1, 100), "of the IJG's scale")},
            straight_through_gradient=True,
        ),
        "kspace": CorruptionRow(
            "brgm_tf.corruptions.mri.kspace:KSpace",
            "MRI that skips most of k-space: compressed sensing; noise(scale=...) may follow",
            {
                "acceleration": Parameter(
                    None,
                    optional(ratio),
                    "values of k-space for one that is measured; needed without a pattern's file",
                ),
                "pattern": Parameter(
                    "uniform",
                    either(
                        one_of("uniform", "variable", "equispaced", "radial"),
                        file_name(".npy", ".png"),
                    ),
                    "columns at random, at random and denser in the middle, or at equal "
                    "distances; or spokes; or a file of what is sampled, .npy or grey .png, "
                    "[H, W] or columns [W], 0 where it is not",
                    suffixes=(".npy", ".png"),
                ),
                "center_fraction": Parameter(
                    0.08, fraction, "of the width, measured without gaps in the middle"
                ),
                "seed": _SEED,
                "sensitivities": Parameter(
                    None,
                    optional(file_name(".npy")),
                    "of coils: .npy, complex [H, W, coils]; None for a single coil",
                    suffixes=(".npy",),
                ),
            },
            measures_kspace=True,
        ),
        "noise": CorruptionRow(
            "brgm_tf.corruptions.noise.gaussian_noise:GaussianNoise",
            "normal noise; the last stage, as all noise",
            {
                "scale": Parameter(
                    REQUIRED, positive_float, "standard deviation, grey levels", unknown=NOISE_SCALE
                )
            },
            noise_scale=lambda arguments: arguments["scale"],
        ),
        "poisson": CorruptionRow(
            "brgm_tf.corruptions.noise.poisson_noise:PoissonNoise",
            "noise of counted photons",
            {"peak": Parameter(REQUIRED, positive_float, "photons of a white pixel")},
            # Of a middle grey: (255 / peak) sqrt(peak / 2).
            noise_scale=lambda arguments: 255.0 * math.sqrt(0.5 / arguments["peak"]),
            fixed_noise=True,
        ),
        "salt_and_pepper": CorruptionRow(
            "brgm_tf.corruptions.noise.salt_and_pepper:SaltAndPepper",
            "a share of the values is black or white",
            {
                "fraction": Parameter(REQUIRED, fraction, "of the values that are lost"),
                "scale": Parameter(
                    None,
                    optional(positive_float),
                    "standard deviation of the others, grey levels; None adds nothing to them",
                ),
            },
            noise_scale=lambda arguments: arguments["scale"],
            outliers=True,
        ),
    },
)
