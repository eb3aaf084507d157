"""Parts of a step of `map`; each compiled program contains one part more than the last.

synthesis    x = synthesis(ws)
corruption   f(x)
perceptual   the terms of the objective, mostly their features
backward     the gradient of the terms
optimizer    the rest of the step
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from benchmarking import flops, machine
from benchmarking.timing import Seconds, elapsed
from brgm_tf.core.compilation import compiled
from brgm_tf.core.errors import InputError
from brgm_tf.estimators.map import MAP
from brgm_tf.generators.loading import load_generator
from brgm_tf.pipeline.config import Config
from brgm_tf.pipeline.objective import resolve_objective
from brgm_tf.pipeline.restorer import Restorer

PARTS = ("synthesis", "corruption", "perceptual", "backward", "optimizer")
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
_PROGRAMS = ("synthesis", "corruption", "terms", "gradient", "step")
_ENDLESS = 1_000_000


@dataclasses.dataclass(frozen=True)
class Case:
    """A case of the benchmark.

    Args:
        generator: Handle of the generator.
        batch_size: Number of images in one program.
        precision: Precision of the convolutions, a key of `PRECISIONS`.
    """

    generator: str
    batch_size: int
    precision: str = "float32"

    def __str__(self) -> str:
        return f"{self.generator}, batch {self.batch_size}, {self.precision}"


class Step:
    """The compiled programs of a case.

    The measurement comes from an image of the prior, and the latents are other draws, the same
    for every program.

    Args:
        case: The case.
        corruption: Corruption of the images.
        objective: Name of the objective.
        overrides: Values of the objective's fields.
        num_steps: Number of steps in one compiled call.
        jit: Whether XLA compiles.
    """

    def __init__(
        self, case: Case, *, corruption: str, objective: str, overrides, num_steps: int, jit: bool
    ):
        machine.forget_peak_memory()
        self.case, self._num_steps, self._jit = case, num_steps, jit
        config = Config(
            corruption=corruption,
            generator=load(case.generator, precision=case.precision),
            objective=objective,
            overrides=overrides,
        )
        self.restorer = Restorer(config)
        self.scales = resolve_objective(config)
        self._posterior, self._corruption = self.restorer.posterior, self.restorer.corruption
        if self._corruption.data_names:
            raise InputError(
                "corruption", "must need no masks, such as half_mask()", corruption=corruption
            )
        program = MAP(num_steps=_ENDLESS, jit=jit, chunk_size=num_steps).bind(self._posterior)
        posterior = self._posterior
        draws = [posterior.sample_equal_layers(case.batch_size, seed=seed) for seed in (1, 2)]
        true, self.v = (tf.constant(draw, tf.float32) for draw in draws)
        ws = posterior.latents(true)
        # One by one, so that the peak of the memory belongs to the step.
        pictures = [posterior.generator.synthesis(ws[i : i + 1]) for i in range(len(ws))]
        self.measurement = self._corruption.forward(tf.concat(pictures, axis=0))
        self._inputs = program.condition(self.measurement)
        self._chunks = program.run(self.measurement)
        functions = {
            "synthesis": self._synthesis,
            "corruption": lambda v: self._corruption.forward(self._synthesis(v)),
            "terms": self._terms,
            "gradient": self._gradient,
        }
        self._compiled = {n: compiled(f, jit=jit) for n, f in functions.items()}
        self.compile_seconds = self._compile()
        self.memory = machine.peak_memory()

    @property
    def ws(self) -> np.ndarray:
        """Latents [B, L, D] of every part but the optimizer."""
        return self._posterior.latents(self.v).numpy()

    def programs(self) -> dict[str, object]:
        """Returns programs by name that measure one call, or for 'step' one step, in seconds."""

        def run(name: str):
            return lambda: elapsed(lambda: _wait(self._compiled[name](self.v)))

        programs = {name: run(name) for name in self._compiled}
        programs["step"] = lambda: elapsed(lambda: next(self._chunks)) / self._num_steps
        return {f"{self.case}: {name}": programs[name] for name in _PROGRAMS}

    def objective(self) -> np.ndarray:
        """Returns the loss of each image at the latents, [B]."""
        return -sum(term.numpy() for term in self._compiled["terms"](self.v).values())

    def gflop(self) -> float:
        """Returns the operations of the objective and its gradient, in 10^9."""
        return 1e-9 * flops.count(self._gradient, self.v)

    def report(self, measured) -> dict[str, object]:
        """Returns the results of the case as plain values.

        Args:
            measured: Seconds of each program of `programs`, by name.
        """
        seconds = {name: measured[f"{self.case}: {name}"] for name in _PROGRAMS}
        ends = [np.median(seconds[name]) for name in _PROGRAMS]
        step = Seconds.of(seconds["step"])
        return {
            **dataclasses.asdict(self.case),
            "resolution": self.restorer.generator.resolution,
            "jit": self._jit,
            "seconds_per_step": dataclasses.asdict(step),
            "seconds_per_image_step": step.median / self.case.batch_size,
            "parts": dict(zip(PARTS, np.diff(ends, prepend=0.0).tolist(), strict=True)),
            "compile_seconds": self.compile_seconds,
            "peak_memory_gb": self.memory,
            "gflop": self.gflop(),
            "gflops": self.gflop() / step.median,
            "objective": self.objective().tolist(),
        }

    def _compile(self) -> float:
        """Compiles all programs, the step first; returns the compile time of the step."""
        first = elapsed(lambda: next(self._chunks))
        seconds = first - elapsed(lambda: next(self._chunks))
        for program in self._compiled.values():
            _wait(program(self.v))
        return seconds

    def _synthesis(self, v):
        return self._posterior.generator.synthesis(self._posterior.latents(v))

    def _terms(self, v):
        return self._posterior.terms(v, self._inputs)

    def _gradient(self, v):
        with tf.GradientTape() as tape:
            tape.watch(v)
            loss = -tf.add_n(list(self._terms(v).values()))
        return loss, tape.gradient(loss, v)


def load(handle: str, *, precision: str):
    """Loads a generator with convolutions in a precision of `PRECISIONS`.

    Raises:
        InputError: The generator has float32 only.
    """
    generator = load_generator(handle)
    policy = PRECISIONS[precision]
    if policy == "float32":
        return generator
    config = getattr(generator, "get_config", dict)()
    if "dtype" not in config:
        raise InputError("precisions", f"must be float32 for {handle}", precisions=precision)
    other = type(generator).from_config({**config, "dtype": policy})
    other.set_weights(generator.get_weights())
    return other


def _wait(result) -> None:
    """Waits for the result of a program."""
    for tensor in tf.nest.flatten(result):
        tensor.numpy()
