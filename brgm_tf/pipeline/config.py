"""`Config`: every setting that decides a restoration. TensorFlow is not imported here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from brgm_tf.core.errors import InputError
from brgm_tf.core.validation import MAX_INT, even, integer, number, positive_float, positive_int
from brgm_tf.corruptions.table import CORRUPTIONS
from brgm_tf.corruptions.traits import CorruptionTraits, traits_of
from brgm_tf.estimators.table import ESTIMATORS, EstimatorRow
from brgm_tf.generators.loading import check_generator
from brgm_tf.io import inputs
from brgm_tf.io.medical import AUTO, PLANES, Slicing
from brgm_tf.perceptual.loading import PERCEPTUAL_WEIGHTS, check_perceptual
from brgm_tf.pipeline.objective import resolve_objective
from brgm_tf.pipeline.options import check_options, option
from brgm_tf.pipeline.photographs import ALIGNMENTS, aligned, check_faces
from brgm_tf.pipeline.volume_options import CORRELATION_LENGTH, check_volume_options
from brgm_tf.posterior.objectives import OBJECTIVES
from brgm_tf.posterior.surrogates.table import SURROGATES
from brgm_tf.weights.catalogue import DEFAULT_GENERATOR, GENERATORS

if TYPE_CHECKING:
    from brgm_tf.corruptions.base import Corruption


def _rows(registry: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}, {row.help}" for name, row in registry.items())


def _class_label(value: object) -> object:
    """Returns the index or the name of a class; `generators.classes` knows the classes."""
    if isinstance(value, int | str) and not isinstance(value, bool) and value != "":
        return value
    raise ValueError("must be an index or a name")


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


@dataclasses.dataclass(frozen=True)
class Config:
    """Every setting that decides a restoration.

    The fields with a help text are also the flags of the command, and `--help` explains them.

    Args:
        corruption: text such as 'downsample(factor=32)' or 'blur(sigma=3) + noise(scale=5)',
            or a `Corruption` object. Flags cannot replay an object.
        generator: handle for `load_generator`, or a loaded generator.
        class_label: index or name of the class, for a conditional generator.
        input_kind: 'measurement' for damaged inputs; 'clean' for images that are corrupted
            first, and whose restorations are compared with them.
        objective: name in `posterior.objectives.OBJECTIVES`; None for the estimator's default.
        overrides: values for fields of the objective; None leaves the value of the preset.
        estimator: name in `estimators.ESTIMATORS`.
        num_steps: number of steps of the optimizer.
        adaptation_steps: number of further steps, which adapt the generator's weights.
        adaptation_scale: standard deviation of the generator's weights around the trained ones,
            relative to their size.
        num_restarts: number of starts of `map`; the best mode is returned.
        num_uncompiled_steps: first steps of `map` that run while XLA compiles the other ones;
            `pipeline.warmup.with_eager_warmup` chooses it.
        surrogate: family of distributions that `vi` fits.
        surrogate_rank: rank of the low-rank part of the surrogate's covariance.
        num_elbo_samples: samples of the surrogate in each step of `vi`; even.
        num_samples: posterior samples of each image, if the estimator draws samples.
        dispersion_factor: factor on the distance of the samples from their mean.
        model_discrepancy_stddev: standard deviation of the generator's error in grey levels. It
            widens the posterior standard deviation and the intervals. None uses the noise
            scale if that is inferred, else 0.
        batch_size: number of images in one program.
        seed: seed of every random draw, in [0, 2^31).
        align: 'faces' to restore every face of a photograph, and to put it back; 'none' for images
            of the generator's pose. `corruption` then acts on the photograph's pixels.
        faces: faces to restore: 'all', 'largest', or indices from the left such as '0,2'.
        landmarks: JSON file with five points a face, see `photographs.landmark_files`; None to
            find faces.
        non_square: 'crop' to the central square, or 'refuse'.
        plane, slices, window: slices and grey levels of medical files; see `medical.Slicing`.
        perceptual: handle for `load_perceptual`, or a loaded `perceptual.LPIPS`.
        volume: whether the input is one volume, whose slices are restored together.
        volume_index: index of the volume in a file of several volumes.
        correlation_length: millimetres at which the correlation of latents of slices is 1 / e.
        field_of_view: side of the generator's square in millimetres; None for the longer side of
            a slice.
        keep_frames: whether to keep images of the optimization, for a video.
        keep_generator: whether results keep the adapted generators.

    Raises:
        InputError: a value cannot be used.

    Example:
        >>> Config("downsample(factor=8)", num_steps=100).estimator
        'map'
        >>> Config(estimator="vi").objective
        'bayes'
    """

    corruption: str | Corruption = option(  # noqa: RUF009
        "none",
        "Corruption, such as 'downsample(factor=32)', or a chain of corruptions, "
        f"'a(...) + b(...)': {_names(CORRUPTIONS)}, or FILE.py:CLASS",
    )
    generator: object = option(
        DEFAULT_GENERATOR,
        "Generator: file or folder of a checkpoint, its https:// or gs:// address (with "
        f"#sha256=... to check a file), a TF-Hub handle, or one of {_names(GENERATORS)}",
    )
    class_label: int | str | None = option(
        None,
        "Class of a conditional generator: its index, or its name if the generator has names",
        check=_class_label,
        flag="class",
    )
    input_kind: str = option(
        "measurement",
        "Kind of the inputs: damaged measurements, or clean images to corrupt and compare with",
        choices=inputs.KINDS,
    )
    objective: str | None = option(
        None, "Preset of the objective (default: the estimator's)", choices=OBJECTIVES
    )
    overrides: Mapping[str, float | str | None] = dataclasses.field(default_factory=dict)
    estimator: str = option("map", f"Estimator: {_rows(ESTIMATORS)}", choices=ESTIMATORS)
    num_steps: int = option(350, "Number of optimizer steps", kind=int, check=positive_int)
    adaptation_steps: int = option(
        0,
        "Number of further steps, which adapt the generator's weights to each image so that the "
        "reconstruction agrees with the measurement; 0 keeps the trained weights",
        kind=int,
        check=integer(0, MAX_INT),
    )
    adaptation_scale: float = option(
        0.2,
        "Standard deviation of the generator's weights around the trained ones, relative to "
        "their size, for adaptation_steps",
        kind=float,
        check=positive_float,
    )
    num_restarts: int = option(
        1, "Number of starts of map; the best mode is returned", kind=int, check=positive_int
    )
    num_uncompiled_steps: int = option(
        0,
        "Number of first steps of map that run before XLA has compiled the step",
        kind=int,
        check=integer(0, MAX_INT),
        has_flag=False,
    )
    surrogate: str = option(
        "low_rank", f"Distribution that vi fits: {_rows(SURROGATES)}", choices=SURROGATES
    )
    surrogate_rank: int = option(
        64, "Rank of the low-rank part of the covariance", kind=int, check=positive_int
    )
    num_elbo_samples: int = option(
        4, "Number of samples in each step of vi; even", kind=int, check=even
    )
    num_samples: int = option(
        8, "Number of posterior samples of each image (vi, hmc)", kind=int, check=positive_int
    )
    dispersion_factor: float = option(
        1.0,
        "Factor on the distance of the samples from their mean; tools/calibrate.py measures it",
        kind=float,
        check=positive_float,
    )
    model_discrepancy_stddev: float | None = option(
        None,
        "Standard deviation of the generator's error in grey levels, which widens the intervals; "
        "tools/calibrate.py measures it (default: the noise scale if it is inferred)",
        kind=float,
        check=number(0, 255),
    )
    batch_size: int = option(1, "Number of images in one program", kind=int, check=positive_int)
    seed: int = option(0, "Seed of every random draw", kind=int, check=integer(0, MAX_INT))
    align: str = option(
        "none",
        "Pose of the inputs: none, as the generator's images; faces, photographs with faces, which "
        "are found, restored and put back",
        choices=ALIGNMENTS,
    )
    faces: str = option(
        "all",
        "Faces to restore: all, largest, or indices from the left such as 0,2 (align=faces)",
        check=check_faces,
    )
    landmarks: str | None = option(
        None,
        "JSON file with five points [x, y] a face: eyes, nose, corners of the mouth; by default "
        "faces are found (align=faces)",
    )
    non_square: str = option(
        "crop", "Treatment of images that are not square", choices=("crop", "refuse")
    )
    plane: str = option("axial", "Plane of the slices of NIfTI volumes", choices=PLANES)
    slices: str = option(
        "middle",
        "Slices of NIfTI volumes: 'middle', 'all', an index, or a range such as 60:120:10, "
        "counted from the feet, the back or the left",
    )
    window: str = option(
        AUTO,
        "Values of NIfTI and DICOM files that become black and white, LOW:HIGH; 'auto' uses the "
        "VOI LUT or window in the file, or else all values except 0.5 % at either end",
    )
    perceptual: object = option(
        PERCEPTUAL_WEIGHTS,
        "VGG16 of the perceptual distance: the packaged weights, or the file or address of "
        "NVIDIA's vgg16.pt, torchvision's vgg16-*.pth or Keras Applications' h5",
    )
    volume: bool = False
    volume_index: int | None = option(
        None,
        "Index of the volume in a file of several volumes (volume)",
        kind=int,
        check=integer(0, MAX_INT),
    )
    correlation_length: float = option(
        CORRELATION_LENGTH,
        "Distance in millimetres at which the correlation of the latents of two slices is 1/e; "
        "0 restores each slice alone (volume)",
        kind=float,
        check=number(0, 10_000),
    )
    field_of_view: float | None = option(
        None,
        "Side of the generator's square in millimetres; the default is the longer side of a slice "
        "(volume)",
        kind=float,
        check=positive_float,
    )
    keep_frames: bool = False
    keep_generator: bool = False

    def __post_init__(self) -> None:
        check_options(self)
        check_generator(self.generator)
        check_perceptual(self.perceptual)
        self._check_photographs()
        if self.align == "faces":
            object.__setattr__(self, "corruption", aligned(self.corruption))
        if self.objective is None:
            object.__setattr__(self, "objective", self._estimator_row.objective)
        self._check_adaptation()
        check_volume_options(self)
        _ = self.slicing
        resolve_objective(self)

    def _check_photographs(self) -> None:
        if self.align == "none":
            if self.landmarks is not None or self.faces != "all":
                name = "faces" if self.landmarks is None else "landmarks"
                raise InputError(
                    name, "must be given with --align=faces only", **{name: getattr(self, name)}
                )
        elif self.input_kind != "measurement":
            raise InputError(
                "align",
                "must be none for clean images, because their damage is simulated",
                remedy="Leave --input_kind out",
                input_kind=self.input_kind,
            )

    def _check_adaptation(self) -> None:
        if self.adaptation_steps and "adaptation_steps" not in self._estimator_row.options:
            raise InputError(
                "adaptation_steps",
                f"must be 0 for --estimator={self.estimator}",
                adaptation_steps=self.adaptation_steps,
            )
        if self.keep_generator and not self.adaptation_steps:
            raise InputError(
                "save_generator",
                "needs adapted weights",
                remedy="Give adaptation_steps, such as 100",
                adaptation_steps=self.adaptation_steps,
            )

    @property
    def total_steps(self) -> int:
        """Number of steps of all stages."""
        return self.num_steps + self.adaptation_steps

    @property
    def traits(self) -> CorruptionTraits:
        """Facts about the corruption."""
        return traits_of(self.corruption)

    @property
    def slicing(self) -> Slicing:
        """Slices of medical volumes to restore, and their window."""
        return Slicing(self.plane, self.slices, self.window)

    @property
    def measures_kspace(self) -> bool:
        """Whether the inputs are k-space."""
        return self.input_kind == "measurement" and self.traits.measures_kspace

    @property
    def estimator_options(self) -> dict[str, object]:
        """The fields that the estimator takes, by name."""
        return {name: getattr(self, name) for name in self._estimator_row.options}

    @property
    def _estimator_row(self) -> EstimatorRow:
        return cast(EstimatorRow, ESTIMATORS.row(self.estimator))
