"""`Restorer`: a loaded generator, posterior and estimator, which restore batch after batch."""

from __future__ import annotations

import dataclasses
import functools
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from brgm_tf import hub, inputs, metrics, sampling
from brgm_tf.config import Config
from brgm_tf.errors import InputError, NotFiniteError
from brgm_tf.estimators import ESTIMATORS
from brgm_tf.objectives import Objective
from brgm_tf.results import ImageResult, KSpaceData
from brgm_tf.sharding import Shard

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
    """Where an estimator ended: latents ws [B, L, D], its state, the loss's terms [steps, B]."""

    ws: object
    state: object
    history: Mapping[str, np.ndarray]
    settled: bool


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
    """

    def __init__(self, config: Config, *, notify: Callable[[str], object] | None = None):
        import tensorflow as tf

        from brgm_tf.posterior import LatentPrior, Posterior, unknowns_of

        self.config = config
        self._notify = notify or (lambda line: None)
        self._part_size = config.batch_size
        scales = config.scales()
        self._perceptual = None
        if config.needs_perceptual:
            self._perceptual = hub.load_perceptual(config.perceptual, progress=notify)
        self.generator = hub.load_generator(config.generator, progress=notify)
        size, channels = self.generator.resolution, self.generator.channels
        self.corruption = config.stages.create().of_images((size, size, channels))
        statistics = self.generator.latent_statistics()
        prior = LatentPrior(
            statistics.mean,
            statistics.covariance,
            self.generator.num_ws,
            scales.layer_scale,
            unknowns_of(self.corruption.params, scales),
        )
        self.posterior = Posterior(
            synthesis=self.generator.synthesis,
            features=self._features_of(scales),
            prior=prior,
            objective=scales,
        )
        self.estimator = ESTIMATORS.row(config.estimator).load()(
            self.posterior,
            corruption=self.corruption,
            num_steps=config.num_steps,
            **config.estimator_options,
        )
        self.render = tf.function(self._render_images, jit_compile=True)
        self._known = tf.function(self._known_values)
        self.simulate = tf.function(self._simulate_measurement)
        self._conceal = tf.function(self._conceal_measurement)
        self._picture = tf.function(self._picture_of)
        self._distance = (
            tf.function(self._perceptual, jit_compile=True) if self._perceptual else None
        )

    def run(
        self,
        jobs: list[inputs.Job],
        *,
        expected: inputs.Expected,
        progress: Callable[[Step], object] | None = None,
        finished: Collection[str] = (),
        shard: Shard | None = None,
    ) -> Iterator[tuple[list[ImageResult], list[tuple[str, str]]]]:
        """Yields (results, failures) of each batch; stops after one that was stopped.

        The batches are those of the list of jobs, whatever fails in them, and whatever of them is
        finished: a batch with something left is computed as a whole, so that an image has the
        same neighbours, and thus the same bits, however often a run was interrupted.

        Args:
            jobs: what is to be restored.
            expected: of the inputs.
            progress: called with a `Step` after every chunk of steps; returning True stops.
            finished: names of jobs whose results are there already, which are not yielded.
            shard: whose batches are restored; None for all.
        """
        for batch in (shard or Shard()).own(jobs, batch_size=self.config.batch_size):
            if all(job.name in finished for job in batch):
                continue
            loaded, failures = [], []
            for job in batch:
                try:
                    loaded.append(inputs.load(job, expected=expected))
                except InputError as error:
                    failures.append((job.name, str(error)))
            results, failed, stopped = self._restore_parts(loaded, progress)
            failures += failed
            yield [result for result in results if result.name not in finished], failures
            if stopped:
                return

    def _restore_parts(self, loaded: list[inputs.Loaded], progress):
        """As `_restore_finite`, in parts that the memory holds: halves of what was too much."""
        import tensorflow as tf

        results, failures, first = [], [], 0
        while first < len(loaded):
            part = loaded[first : first + self._part_size]
            try:
                done, failed, stopped = self._restore_finite(part, progress)
            except tf.errors.ResourceExhaustedError as error:
                if len(part) == 1:
                    failures.append((part[0].name, f"memory ran out: {error.message}"))
                    first += 1
                    continue
                self._part_size = len(part) // 2
                self._notify(f"memory ran out for {len(part)} images; trying {self._part_size}")
                continue
            results, failures, first = results + done, failures + failed, first + len(part)
            if stopped:
                return results, failures, True
        return results, failures, False

    def _restore_finite(self, loaded: list[inputs.Loaded], progress):
        """Results and failures of one batch, and whether `progress` asked to stop.

        In the place of an image whose terms are not finite another one is restored again: the
        batch keeps its size, and the others their program and their bits.
        """
        failures = {}
        while fine := [i for i in range(len(loaded)) if i not in failures]:
            batch = [loaded[fine[0] if i in failures else i] for i in range(len(loaded))]
            try:
                results, stopped = self._restore(batch, progress)
            except NotFiniteError as error:
                # Restarts of an image are as many images.
                failures |= {int(i) % len(loaded): str(error) for i in error.images}
                continue
            break
        else:
            results, stopped = [], False
        failed = [(loaded[i].name, message) for i, message in sorted(failures.items())]
        return [results[i] for i in fine], failed, stopped

    def _restore(self, loaded: list[inputs.Loaded], progress):
        """The results of one batch, and whether `progress` asked to stop."""
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
        estimate, frames, stopped = self._estimate(loaded, measurement, data, progress)
        ws, history = estimate.ws, estimate.history
        parameters = self.estimator.parameters(estimate.state.v)
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
                    recorrupted=shown[1][i],
                    merged=None if pictures[2] is None else pictures[2][i],
                    truth=image[i] if is_clean else None,
                    missing=None if known.missing is None else known.missing[i],
                    latents=ws[i].numpy(),
                    history={name: values[:, i] for name, values in history.items()},
                    metrics=own,
                    seconds=seconds,
                    warnings=self._warnings(own, estimate, noise=float(known.noise[i])),
                    samples=samples[i] if samples else None,
                    frames=tuple(frame[i] for frame in frames) if frames else None,
                    kspace=_kspace_data(measurement[i], known.observed[i]),
                    geometry=item.geometry,
                    complete=self._is_complete(estimate),
                )
            )
        return results, stopped

    def _features_of(self, scales: Objective):
        """The features of the objective; those of the reported LPIPS never enlarge."""
        if self._perceptual is None:
            return None
        enlarge = scales.family == "brgm_torch"
        return functools.partial(self._perceptual.features, enlarge=enlarge)

    def _estimate(self, loaded, measurement, data, progress):
        """The `_Estimate` of a batch, a video's frames, and whether `progress` asked to stop."""
        num_steps = self.config.num_steps
        chunks, frames, stopped = [], [], False
        if self.config.keep_frames:
            frames.append(self._frames(self._start(len(loaded)), measurement, data))
        for chunk in self.estimator.run(measurement, data=data):
            chunks.append({name: -values for name, values in chunk.history.items()})
            ws, step = self.estimator.latents(chunk.state.v), int(chunk.state.step)
            if self.config.keep_frames and step * MAX_FRAMES // num_steps >= len(frames):
                frames.append(self._frames(ws, measurement, data))
            if progress is not None:
                terms = {name: float(values[-1].mean()) for name, values in chunks[-1].items()}
                names = tuple(item.name for item in loaded)
                shown = num_steps if chunk.settled else step
                stopped = bool(progress(Step(names, shown, num_steps, terms, chunk.note)))
            if stopped:
                break
        history = {
            name: np.concatenate([chunk[name] for chunk in chunks]).astype("float64")
            for name in chunks[0]
        }
        history["total"] = sum(history.values())
        return _Estimate(ws, chunk.state, history, chunk.settled), frames, stopped

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
            found[name] = unknown.of(tf.stack(z))
        return found

    def _parameters(self, estimate: _Estimate, parameters, measurement, data):
        """Estimates of the unknown parameters and their standard deviations, [B] by name."""
        unknowns = self.posterior.prior.unknowns
        found = {n: v.numpy() for n, v in parameters.items() if n in unknowns}
        if not found or self.estimator.fit(estimate.state) is not None:
            return found
        deviations = self.estimator.parameters_stddev(estimate.state, measurement, data=data)
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
        fit = self.estimator.fit(estimate.state)
        if fit is None:
            return None, {}
        drawn, parameters = sampling.draw_samples(
            self.estimator,
            fit,
            render=lambda ws, own: self.render(ws, measurement, data, own),
            num_samples=self.config.num_samples,
            seed=self.config.seed,
            spread=self.config.spread,
        )
        discrepancy = self._discrepancy(parameters)
        figures = sampling.figures_of(
            drawn,
            parameters,
            measurement,
            observed=known.observed,
            truth=truth,
            missing=known.missing,
            discrepancy=discrepancy,
        )
        samples = sampling.summarise(
            drawn,
            num_samples=self.config.num_samples,
            discrepancy=discrepancy,
            missing=known.missing,
        )
        return samples, figures | self.estimator.figures(fit)

    def _discrepancy(self, parameters):
        """What no latent makes, grey levels, of draws of the parameters [S, B].

        A noise scale that is inferred from a measurement without noise is for the most part that:
        what the generator does not make of the pixels that are known, it will not make of others.
        """
        if self.config.discrepancy is not None:
            return self.config.discrepancy
        if "noise_scale" not in self.posterior.prior.unknowns or self.corruption.adds_noise:
            return 0.0
        return parameters["noise_scale"].mean(axis=0, dtype=np.float64)

    def _scores(self, pictures, measurement, truth, known: _Knowledge) -> dict[str, np.ndarray]:
        reconstruction, recorrupted, merged = pictures
        residual = metrics.residual(measurement, recorrupted, observed=known.observed)
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
        if scores["residual"] > bound and not self.corruption.surrogate_gradient:
            found.append(
                f"residual {scores['residual']:.1f} grey levels is above {bound:.0f}: the "
                "picture lies outside the generator's range, or num_steps is too small"
            )
        if misfit := sampling.misfit(scores):
            found.append(misfit)
        return tuple(found)

    def _is_complete(self, estimate: _Estimate) -> bool:
        return estimate.settled or len(estimate.history["total"]) >= self.config.num_steps

    def _start(self, num_images: int) -> np.ndarray:
        """The mean latent at every layer [B, L, D], for a video's first frame."""
        mean = self.posterior.prior.mean.astype("float32")
        return np.broadcast_to(mean, (num_images, self.generator.num_ws, len(mean)))

    def _frames(self, ws, measurement, data) -> np.ndarray:
        start = self.posterior.prior.start(len(measurement)).astype("float32")
        medians = self.estimator.parameters(start)
        return _shrunk(self.render(ws, measurement, data, medians)[0].numpy())

    def _bound(self, data, parameters):
        own = {name: parameters[name] for name in self.corruption.params}
        return self.corruption.with_data(**data).with_params(**own)

    def _render_images(self, ws, measurement, data, parameters):
        corruption = self._bound(data, parameters)
        x = self.generator.synthesis(ws)
        return x, corruption.mean(x), corruption.merge(measurement, x)

    def _conceal_measurement(self, measurement, data):
        return self.corruption.with_data(**data).conceal(measurement)

    def _picture_of(self, measurement, data):
        return self.corruption.with_data(**data).picture(measurement)

    def _simulate_measurement(self, image, data, seeds, parameters):
        return self._bound(data, parameters).simulate(image, seeds)

    def _known_values(self, recorrupted, data, parameters):
        """Of the measurement's values: whether they are observed, bool, and their variance."""
        import tensorflow as tf

        corruption = self.corruption.with_data(**data)
        observed = tf.broadcast_to(corruption.observed(recorrupted), tf.shape(recorrupted)) > 0
        if not corruption.adds_noise:
            return observed, tf.zeros([])
        noise = self.posterior.noise_params(parameters.get("noise_scale"))
        variance = corruption.variance(recorrupted, noise)
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
