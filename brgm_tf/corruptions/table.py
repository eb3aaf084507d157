"""Corruptions by name.

A new corruption is one file and one row here. The class declares its parameters and flags, which
the parser of texts and the generic tests read. `brgm_tf.corruptions.parsing` reads calls, chains of
calls, and corruptions from a file of the user.
"""

from __future__ import annotations

from brgm_tf.core.registry import Registry, Row


def _row(target: str, help: str) -> Row:
    return Row(f"brgm_tf.corruptions.{target}", help)


CORRUPTIONS: Registry[Row] = Registry(
    "corruption",
    {
        "none": _row(
            "identity:Identity",
            "The image itself: inversion into the latents of the generator",
        ),
        "downsample": _row("resolution.downsample:Downsample", "Fewer pixels: super-resolution"),
        "align": _row(
            "resolution.align:Align",
            "Turned and scaled square in a photograph; its place may be unknown",
        ),
        "blur": _row("blur.blur:Blur", "Gaussian blur"),
        "motion_blur": _row("blur.motion_blur:MotionBlur", "Blur along a line: camera motion"),
        "disk_blur": _row("blur.disk_blur:DiskBlur", "Blur over a disk: defocus"),
        "kernel_blur": _row("blur.kernel_blur:KernelBlur", "Blur with a kernel from a file"),
        "grayscale": _row("pointwise.grayscale:Grayscale", "Lost colours: colourisation"),
        "bayer": _row(
            "pointwise.bayer:Bayer",
            "One colour a pixel, as on the sensor of a camera: demosaicing",
        ),
        "mask": _row(
            "masking.mask:Mask",
            "Missing pixels: in-painting; each image brings its mask",
        ),
        "random_mask": _row(
            "masking.random_mask:RandomMask",
            "Random missing pixels, the same in all images",
        ),
        "box_mask": _row("masking.box_mask:BoxMask", "Missing boxes, the same in all images"),
        "occlusion": _row(
            "masking.occlusion:Occlusion",
            "Box of one grey level over the image; its place may be unknown",
        ),
        "scratches": _row(
            "masking.scratches:Scratches",
            "Missing straight lines across the image, the same in all images",
        ),
        "half_mask": _row("masking.half_mask:HalfMask", "Missing half: out-painting"),
        "gamma": _row("pointwise.gamma:Gamma", "Another gamma: intensities to a power"),
        "gain": _row(
            "pointwise.gain:Gain",
            "Another contrast and brightness: gain times grey level plus bias, not clipped",
        ),
        "clip": _row(
            "pointwise.clip:Clip",
            "Over- and underexposure: grey levels clipped to two bounds",
        ),
        "quantise": _row(
            "pointwise.quantise:Quantise",
            "Fewer bits: grey levels rounded to the nearest of 2^bits",
        ),
        "jpeg": _row("pointwise.jpeg:Jpeg", "JPEG compression with chroma at half the resolution"),
        "kspace": _row(
            "mri.kspace:KSpace",
            "MRI with undersampled k-space: compressed sensing; noise(scale=...) may follow",
        ),
        "thick_slices": _row(
            "volume.thick_slices:ThickSlices",
            "Thick slices, as of clinical scans; for volumes only",
        ),
        "missing_slices": _row(
            "volume.missing_slices:MissingSlices",
            "Missing slices; for volumes only",
        ),
        "noise": _row("noise.noise:Noise", "Gaussian noise; noise is always the last stage"),
        "poisson": _row("noise.poisson_noise:PoissonNoise", "Noise of counted photons"),
        "salt_and_pepper": _row(
            "noise.salt_and_pepper:SaltAndPepper",
            "Random values black or white",
        ),
    },
)


class Listing(dict[str, str]):
    """Name -> one line of help; prints one name a line."""

    def __str__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:{width}}  {text}" for name, text in self.items())

    __repr__ = __str__


def list_corruptions() -> Listing:
    """Returns the registered corruptions: name -> one line of help.

    Example:
        >>> from brgm_tf import list_corruptions
        >>> list_corruptions()["blur"]
        'Gaussian blur'
    """
    return Listing({name: row.help for name, row in CORRUPTIONS.items()})
