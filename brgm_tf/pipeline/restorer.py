"""`Restorer`: a loaded generator, posterior and estimator, which restore batch after batch."""

from __future__ import annotations

import dataclasses
import time
import zlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from brgm_tf.estimators.table import ESTIMATORS
from brgm_tf.evaluation import metrics
from brgm_tf.generators.loading import load_generator
from brgm_tf.io import inputs
from brgm_tf.perceptual.loading import load_perceptual
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.devices import scope_of
from brgm_tf.reporting import posterior_summary
from brgm_tf.reporting.results import BatchCheckpoint, BatchResult, ImageResult, KSpaceData

RESIDUAL_BOUND = 10.0  # grey levels
# A scanner's units are arbitrary: this quantile of the zero-filled magnitude becomes white.
WHITE_QUANTILE = 0.999
FRAME_SIZE = 512
MAX_FRAMES = 100  # ten seconds; a longer video would cost memory for nothing


def noise_seeds(names: Sequence[str], *, seed: int) -> np.ndarray:
    """Stateless seeds [B, 2] of the noise that images of these names get.

    By its name an image has the same noise whatever else is restored, and in which order.
    """
    return np.array([[seed, zlib.crc32(name.encode("utf-8")) >> 1] for name in names], np.int32)


@dataclasses.dataclass(frozen=True)
class Step:
    """Progress of a batch: names, steps done of how many, terms (mean over images), a note."""

    names: tuple[str, ...]
    step: int
    num_steps: int
    terms: Mapping[str, float]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class _Estimate:
    """Where an estimator ended: latents ws [B, L, D], its state, the loss's terms [steps, B].

    And the frames of a video, whether it was stopped, and if so how to go on.
    """

    ws: object
    state: object
    history: Mapping[str, np.ndarray]
    converged: bool
    frames: tuple[np.ndarray, ...]
    stopped: bool
    checkpoint: BatchCheckpoint | None


@dataclasses.dataclass(frozen=True)
class _Knowledge:
    """What a batch's measurements know.

    Args:
        observed: bool [B, h, w, C], the values of the measurement that count.
        missing: bool [B, H, W, 1], the pixels that are not known, where those that are can be
            put back; None elsewhere.
        noise: [B], the standard deviation of the simulated noise, grey levels; 0 without any.
    """

    observed: np.ndarray
    missing: np.ndarray | None
    noise: np.ndarray


class Restorer:
    """A loaded generator, posterior and estimator: restores batch after batch.

    Args:
        config: what to do.
        notify: called with a line for each thing worth telling (a download).
        device: where, as TensorFlow names it; None for where TensorFlow would.
    """

    def __init__(
        self,
        config: Config,
        *,
        notify: Callable[[str], object] | None = None,
        device: str | None = None,
    ):
        self.config, self.device = config, device
        with scope_of(device):
            self._load(notify)

    def _load(self, notify) -> None:

        from brgm_tf.core.compilation import compiled
        from brgm_tf.posterior.posterior import Posterior

        config = self.config
        self._perceptual = None
        if config.needs_perceptual:
            self._perceptual = load_perceptual(config.perceptual, progress=notify)
        self.generator = load_generator(config.generator, progress=notify)
        self.posterior = Posterior(
            self.generator,
            config.stages.create(),
            objective=config.scales(),
            perceptual=self._perceptual,
        )
        self.corruption = self.posterior.corruption
        estimator = ESTIMATORS.row(config.estimator).load()(
            num_steps=config.num_steps, **config.estimator_options
        )
        self.estimator = estimator.bind(self.posterior)
        self.render = compiled(self._render_images, jit=True)
        self._known = compiled(self._known_values)
        self.simulate = compiled(self._simulate_measurement)
        self._conceal = compiled(self._conceal_measurement)
        self._picture = compiled(self._picture_of)
        self._distance = compiled(self._perceptual) if self._perceptual else None

    def restore(
        self,
        loaded: Sequence[inputs.LoadedInput],
        *,
        progress: Callable[[Step], object] | None = None,
        checkpoint: BatchCheckpoint | None = None,
    ) -> BatchResult:
        """Restores one batch.

        Args:
            loaded: its images.
            progress: called with a `Step` after every chunk of steps and early step; returning
                True stops.
            checkpoint: where the same batch was when it was stopped.

        Raises:
            NotFiniteError: terms of some images are no numbers any more.
        """
        with scope_of(self.device):
            return self._restore(list(loaded), progress, checkpoint)

    def _restore(self, loaded: list[inputs.LoadedInput], progress, checkpoint) -> BatchResult:
        start = time.monotonic()
        data = {}
        if self.corruption.data_names:
            data = {"missing": np.stack([item.missing for item in loaded])}
        image = np.stack([item.image for item in loaded])
        is_clean = self.config.input_kind == "clean"
        if is_clean:
            seeds = noise_seeds([item.name for item in loaded], seed=self.config.seed)
            damage = self.drawn_parameters(seeds)
            measurement = self.simulate(image, data, seeds, damage).numpy()
        else:
            measurement = self._conceal(image, data).numpy()
        white = None
        if self.config.measures_kspace:
            white = _white(self._picture(measurement, data).numpy())
            measurement /= white[:, None, None, None]
        truth = image if is_clean else None
        estimate = self._estimate(loaded, measurement, data, progress, checkpoint)
        ws, history = estimate.ws, estimate.history
        parameters = self.estimator.parameters(estimate.state.position)
        rendered = self.render(ws, measurement, data, parameters)
        pictures = [t if t is None else t.numpy() for t in rendered]
        known = self._knowledge(pictures, measurement, data, parameters)
        shown = [self._picture(y, data).numpy() for y in (measurement, pictures[1])]
        scores = self._scores(pictures, measurement, truth, known)
        samples, more = self._samples(estimate, measurement, truth, data, known)
        scores |= self._parameters(estimate, parameters, measurement, data) | more
        if is_clean:
            scores |= {f"{name}_true": values.numpy() for name, values in damage.items()}
        if white is not None:
            scores["kspace_white"] = white
        seconds = (time.monotonic() - start) / len(loaded)
        results = []
        for i, item in enumerate(loaded):
            own = {name: float(values[i]) for name, values in scores.items()}
            results.append(
                ImageResult(
                    name=item.name,
                    measurement=shown[0][i],
                    reconstruction=pictures[0][i],
                    predicted_measurement=shown[1][i],
                    merged=None if pictures[2] is None else pictures[2][i],
                    truth=image[i] if is_clean else None,
                    missing=None if known.missing is None else known.missing[i],
                    latents=ws[i].numpy(),
                    history={name: values[:, i] for name, values in history.items()},
                    metrics=own,
                    seconds=seconds,
                    warnings=self._warnings(own, estimate, noise=float(known.noise[i])),
                    samples=samples[i] if samples else None,
                    frames=tuple(frame[i] for frame in estimate.frames) or None,
                    kspace=_kspace_data(measurement[i], known.observed[i]),
                    geometry=item.geometry,
                    complete=self._is_complete(estimate),
                )
            )
        return BatchResult(tuple(results), stopped=estimate.stopped, checkpoint=estimate.checkpoint)

    def _estimate(self, loaded, measurement, data, progress, checkpoint) -> _Estimate:
        num_steps = self.config.num_steps
        names = tuple(item.name for item in loaded)
        chunks = [] if checkpoint is None else [dict(checkpoint.history)]
        frames, stopped = [], False
        if self.config.keep_frames:
            frames.append(self._frames(self._start(len(loaded)), measurement, data))
        state = None if checkpoint is None else checkpoint.state
        for chunk in self.estimator.run(measurement, data=data, checkpoint=state):
            chunks.append({name: -values for name, values in chunk.history.items()})
            ws, step = self.estimator.latents(chunk.position), chunk.step
            if self.config.keep_frames and step * MAX_FRAMES // num_steps >= len(frames):
                frames.append(self._frames(ws, measurement, data))
            if progress is not None:
                terms = {name: float(values[-1].mean()) for name, values in chunks[-1].items()}
                shown = num_steps if chunk.converged else step
                stopped = bool(progress(Step(names, shown, num_steps, terms, chunk.note)))
            if stopped:
                break
        history = {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}
        # The frames so far are not kept: a video begins anew.
        state = chunk.to_checkpoint() if stopped and not self.config.keep_frames else {}
        checkpoint = BatchCheckpoint(names, state, history) if state else None
        history = {name: values.astype("float64") for name, values in history.items()}
        history["total"] = sum(history.values())
        return _Estimate(
            ws, chunk, history, chunk.converged, tuple(frames), stopped, checkpoint
        )

    def drawn_parameters(self, seeds) -> dict[str, object]:
        """The corruption's unknown parameters [B] by name, drawn from their priors.

        Args:
            seeds: int32 [B, 2], a stateless seed for each image.
        """
        import tensorflow as tf

        found = {}
        for i, (name, unknown) in enumerate(self.corruption.params.items()):
            own = [tf.random.experimental.stateless_fold_in(seed, i + 1) for seed in seeds]
            z = [tf.random.stateless_normal([], seed) for seed in own]
            found[name] = unknown.forward(tf.stack(z))
        return found

    def _parameters(self, estimate: _Estimate, parameters, measurement, data):
        """Estimates of the unknown parameters and their standard deviations, [B] by name."""
        parameter_priors = self.posterior.parameter_priors
        found = {n: v.numpy() for n, v in parameters.items() if n in parameter_priors}
        if not found or estimate.state.approximation is not None:
            return found
        deviations = self.estimator.parameters_stddev(
            estimate.state.position, measurement, data=data
        )
        return found | {f"{n}_stddev": v.numpy() for n, v in deviations.items()}

    def _knowledge(self, pictures, measurement, data, parameters) -> _Knowledge:
        """What is known of a batch, given its pictures."""
        observed, variance = (t.numpy() for t in self._known(pictures[1], data, parameters))
        variance = np.broadcast_to(variance, measurement.shape)
        counted = observed.sum(axis=(1, 2, 3))
        noise = np.sqrt((variance * observed).sum(axis=(1, 2, 3)) / np.maximum(counted, 1))
        # Only where known pixels are put back are those that are not a hole in the picture.
        missing = None if pictures[2] is None else ~observed.all(axis=-1, keepdims=True)
        return _Knowledge(observed, missing, noise * metrics.LEVELS_PER_UNIT)

    def _samples(self, estimate: _Estimate, measurement, truth, data, known: _Knowledge):
        """The `PosteriorSamples` of each image and their figures; none without a fit."""
        fit = estimate.state.approximation
        if fit is None:
            return None, {}
        drawn, parameters = posterior_summary.draw_samples(
            self.estimator,
            fit,
            render=lambda ws, own: self.render(ws, measurement, data, own),
            num_samples=self.config.num_samples,
            seed=self.config.seed,
            dispersion_factor=self.config.dispersion_factor,
        )
        model_discrepancy_stddev = self._discrepancy(parameters)
        figures = posterior_summary.figures_of(
            drawn,
            parameters,
            measurement,
            observed=known.observed,
            truth=truth,
            missing=known.missing,
            model_discrepancy_stddev=model_discrepancy_stddev,
        )
        samples = posterior_summary.summarise(
            drawn,
            num_samples=self.config.num_samples,
            model_discrepancy_stddev=model_discrepancy_stddev,
            missing=known.missing,
        )
        return samples, figures | self.estimator.diagnostics(fit)

    def _discrepancy(self, parameters):
        """What no latent makes, grey levels, of draws of the parameters [S, B].

        A noise scale that is inferred from a measurement without noise is for the most part that:
        what the generator does not make of the pixels that are known, it will not make of others.
        """
        if self.config.model_discrepancy_stddev is not None:
            return self.config.model_discrepancy_stddev
        if "noise_scale" not in self.posterior.parameter_priors or self.corruption.adds_noise:
            return 0.0
        return parameters["noise_scale"].mean(axis=0, dtype=np.float64)

    def _scores(self, pictures, measurement, truth, known: _Knowledge) -> dict[str, np.ndarray]:
        reconstruction, predicted_measurement, merged = pictures
        residual = metrics.residual(measurement, predicted_measurement, observed=known.observed)
        scores = {"residual": residual}
        if truth is None:
            return scores
        return scores | metrics.restoration_metrics(
            reconstruction,
            truth,
            merged=merged,
            missing=known.missing,
            distance=self._distance,
        )

    def _warnings(
        self, scores: Mapping[str, float], estimate: _Estimate, *, noise: float
    ) -> tuple[str, ...]:
        """What the user should know of an image, a line each; its noise is in grey levels."""
        found = [self.estimator.warning] if self.estimator.warning else []
        if not self._is_complete(estimate):
            done = len(estimate.history["total"])
            found.append(f"stopped after {done} of {self.config.num_steps} steps")
        # An inferred noise scale has the misfit in it; NaN where an estimator knows of none.
        noise = np.fmax(noise, scores.get("noise_scale", 0.0))
        bound = float(np.hypot(RESIDUAL_BOUND, noise))
        # A value that is rounded to the other side is a whole step off: no sign of a bad fit.
        if scores["residual"] > bound and not self.corruption.straight_through_gradient:
            found.append(
                f"residual {scores['residual']:.1f} grey levels is above {bound:.0f}: the "
                "picture lies outside the generator's range, or num_steps is too small"
            )
        if misfit := posterior_summary.misfit(scores):
            found.append(misfit)
        return tuple(found)

    def _is_complete(self, estimate: _Estimate) -> bool:
        return estimate.converged or len(estimate.history["total"]) >= self.config.num_steps

    def _start(self, num_images: int) -> np.ndarray:
        """The mean latent at every layer [B, L, D], for a video's first frame."""
        mean = self.posterior.prior.mean.astype("float32")
        return np.broadcast_to(mean, (num_images, self.generator.num_ws, len(mean)))

    def _frames(self, ws, measurement, data) -> np.ndarray:
        start = self.posterior.layout.initial_position(len(measurement)).astype("float32")
        medians = self.estimator.parameters(start)
        return _shrunk(self.render(ws, measurement, data, medians)[0].numpy())

    def _bound(self, data, parameters):
        own = {name: parameters[name] for name in self.corruption.params}
        return self.corruption.with_data(**data).with_params(**own)

    def _render_images(self, ws, measurement, data, parameters):
        corruption = self._bound(data, parameters)
        x = self.generator.synthesis(ws)
        return x, corruption.forward(x), corruption.composite(measurement, x)

    def _conceal_measurement(self, measurement, data):
        return self.corruption.with_data(**data).fill_unobserved(measurement)

    def _picture_of(self, measurement, data):
        return self.corruption.with_data(**data).as_image(measurement)

    def _simulate_measurement(self, image, data, seeds, parameters):
        return self._bound(data, parameters).simulate(image, seeds)

    def _known_values(self, predicted_measurement, data, parameters):
        """Of the measurement's values: whether they are observed, bool, and their variance."""
        import tensorflow as tf

        corruption = self.corruption.with_data(**data)
        observed = (
            tf.broadcast_to(
                corruption.observation_mask(predicted_measurement), tf.shape(predicted_measurement)
            )
            > 0
        )
        if not corruption.adds_noise:
            return observed, tf.zeros([])
        noise = self.posterior.noise_params(parameters.get("noise_scale"))
        variance = corruption.variance(predicted_measurement, noise)
        return observed, variance


def _white(pictures: np.ndarray) -> np.ndarray:
    """Of zero-filled reconstructions in [-1, inf) the magnitude that becomes white, [B]."""
    magnitudes = 0.5 * (pictures + 1.0)
    return np.quantile(magnitudes, WHITE_QUANTILE, axis=(1, 2, 3)).astype("float32")


def _kspace_data(measurement: np.ndarray, observed: np.ndarray) -> KSpaceData | None:
    """What an image's measurement [H, W, coils] is, where that is k-space."""
    is_kspace = np.iscomplexobj(measurement)
    return KSpaceData(measurement, observed.any(axis=-1)) if is_kspace else None


def _shrunk(pictures: np.ndarray) -> np.ndarray:
    """Pictures [B, H, W, C], box-averaged to at most FRAME_SIZE."""
    factor = max(1, pictures.shape[1] // FRAME_SIZE)
    batch, height, width, channels = pictures.shape
    shape = (batch, height // factor, factor, width // factor, factor, channels)
    return pictures.reshape(shape).mean(axis=(2, 4))
