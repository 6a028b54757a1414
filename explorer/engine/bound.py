"""The variational bound as it becomes known: a few samples at first, then more, with error bars that shrink.

Samples are taken in batches; of the first batch the terms far apart come first. When all samples are done the numbers
are those of `elbo.measure` with the same seed. The ODE follows, batch by batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor

from explorer.diffusion.likelihood import (
    Decoder,
    ElboSettings,
    Ends,
    Sampled,
    Split,
    Terms,
    coarse_to_fine,
    collect,
    curves,
    elbo_ends,
    elbo_terms,
    joined,
    legs,
    log_likelihood_steps,
    strata,
)
from explorer.diffusion.likelihood.results import Floats
from explorer.diffusion.noise import NoiseSource
from explorer.engine.elbo import conditional, exact_log_p, ode_start, samples_of, terms_of
from explorer.engine.likelihood_frame import (
    Bounded,
    Bounding,
    BoundStack,
    BoundTotals,
    PartKind,
    SplitValues,
    TermCurve,
)
from explorer.engine.turn import Turn
from explorer.engine.values import value, value_of
from explorer.facts import ModelError
from explorer.formats.model import Model
from explorer.request import OWN_SCHEDULE, Bound

FIRST_POINTS, POINT_GROWTH, MOST_POINTS = 32, 4, 1024
FIRST_PICTURES, PICTURE_GROWTH, MOST_PICTURES = 1, 2, 4
"""Samples in the first batch, by what their number grows with each batch, and most in one batch: a look waits for one
call of the network."""

CURVE_SECONDS = 0.4
"""A curve that is not complete yet is shown so often."""


def batches(n: int, kind: str) -> tuple[tuple[int, int], ...]:
    """The first sample and the number of samples of each batch."""
    points = kind in ("points", "line")
    first, growth, most = (
        (FIRST_POINTS, POINT_GROWTH, MOST_POINTS) if points else (FIRST_PICTURES, PICTURE_GROWTH, MOST_PICTURES)
    )
    found, begin = [], 0
    while begin < n:
        size = min(first if begin == 0 else (growth - 1) * begin, most, n - begin)
        found.append((begin, size))
        begin += size
    return tuple(found)


def bound(model: Model, request: Bound) -> Iterator[Bounded | Bounding]:
    """Raises ModelError for a model without samples or one that returns no numbers, ValueError for impossible ones."""
    model = conditional(model, request.label)
    work = _Work(model, request, samples_of(model, request.n), *terms_of(model, request.variance, request.t_samples))
    yield from work.terms()
    if request.ode:
        yield from work.ode()
    yield replace(work.found(), finished=True)


@dataclass(eq=False)
class _Work:
    """What is done so far."""

    model: Model
    request: Bound
    x_0: Tensor
    settings: ElboSettings
    decoder: Decoder
    parts: list[tuple[Ends, Sequence[Sampled]]] = field(default_factory=list)
    log_p: list[Floats] = field(default_factory=list)
    latest: Bounded | None = None

    def terms(self) -> Iterator[Bounded | Bounding]:
        """Both splits, batch by batch."""
        blocks = coarse_to_fine(strata(self.model.denoiser.schedule.T, self.settings.t_samples, self.request.seed))
        calls = len(batches(len(self.x_0), self.model.facts.kind)) * len(blocks)
        called, turn = 0, Turn()
        for x_0, noise in self._batches():
            ends = elbo_ends(self.model.denoiser, x_0, noise, self.decoder, self.settings)
            some: list[Sampled] = []
            shown = time.monotonic()
            for one in elbo_terms(self.model.denoiser, x_0, noise, self.settings, blocks=blocks):
                some.append(one)
                called += 1
                if not self.parts and time.monotonic() - shown > CURVE_SECONDS:
                    yield self._unfinished(some)
                    shown = time.monotonic()
                elif turn.over():
                    yield Bounding(called / calls, self._doing(len(x_0)))
            self.parts.append((ends, some))
            self.latest = self._known()
            yield self.latest

    def ode(self) -> Iterator[Bounded | Bounding]:
        """log p by the ODE, batch by batch."""
        turn, done, n = Turn(), 0, len(self.x_0)
        for x_0, noise in self._batches(one_picture=True):
            start = ode_start(self.model, x_0, noise)
            total = 4 * len(legs(self.model.denoiser.schedule, start.steps))
            calls, called = log_likelihood_steps(self.model.denoiser, start.x, start.steps, start.probes), 0
            while True:
                try:
                    next(calls)
                except StopIteration as finished:
                    values = finished.value.log_density + start.log_volume
                    break
                called += 1
                if turn.over():
                    part = (done + len(x_0) * called / total) / n
                    yield Bounding(part, f"log p by the ODE: {done} of {n} samples")
            if not bool(np.isfinite(values).all()):
                raise ModelError("The ODE left the finite numbers, so it found no likelihood.")
            self.log_p.append(values)
            done += len(x_0)
            yield self.found()

    def found(self) -> Bounded:
        """All that is known."""
        assert self.latest is not None
        if not self.log_p:
            return self.latest
        log_p = np.concatenate(self.log_p)
        return replace(self.latest, ode=value_of(log_p), ode_samples=len(log_p))

    def _batches(self, one_picture: bool = False) -> Iterator[tuple[Tensor, NoiseSource]]:
        """Samples with the noise that is theirs in any batch."""
        shape, kind = self.model.facts.shape, self.model.facts.kind
        alone = one_picture and kind == "image"
        sizes = [(i, 1) for i in range(len(self.x_0))] if alone else batches(len(self.x_0), kind)
        for first, size in sizes:
            noise = NoiseSource(self.request.seed, size, shape, self.model.device, first)
            yield self.x_0[first : first + size], noise

    def _doing(self, size: int) -> str:
        done = sum(ends.reconstruction.shape[1] for ends, _ in self.parts)
        return f"terms of samples {done + 1}–{done + size} of {len(self.x_0)}"

    def _unfinished(self, some: Sequence[Sampled]) -> Bounded:
        matching, consistency = curves(some)
        return self._frame(0, _curve(matching), _curve(consistency), None)

    def _known(self) -> Bounded:
        ends, terms = joined(self.parts)
        found = collect(ends, terms, self.x_0[0].numel(), self.decoder)
        a, b = found.matching, found.consistency
        if not math.isfinite(a.total.mean + b.total.mean):
            raise ModelError("The network returned values that are not finite, so there is no bound.")
        exact = exact_log_p(self.model, self.x_0[: found.samples], self.request.label)
        totals = BoundTotals(
            _split(a),
            _split(b),
            value(found.difference),
            None if exact is None else value_of(exact),
            None if exact is None else value_of(exact - a.per_sample),
        )
        stacks = (stack("(A)", a), stack("(B)", b))
        return self._frame(found.samples, _curve(a.terms), _curve(b.terms), totals, stacks)

    def _frame(
        self,
        samples: int,
        a: TermCurve,
        b: TermCurve,
        totals: BoundTotals | None,
        stacks: tuple[BoundStack, ...] = (),
    ) -> Bounded:
        schedule = self.request.model.schedule
        return Bounded(
            samples,
            len(self.x_0),
            self.model.facts.T,
            self.x_0[0].numel(),
            self.model.facts.kind == "image",
            self.request.label,
            a,
            b,
            totals,
            stacks=stacks,
            schedule="" if schedule.name == OWN_SCHEDULE else str(schedule),
        )


def _curve(terms: Terms) -> TermCurve:
    return TermCurve(terms.t, terms.mean, terms.standard_error, terms.variance)


def stack(name: str, split: Split) -> BoundStack:
    """A split as parts along the time axis.

    Each KL lies on the step that it is about: both (A)'s at t and (B)'s at t − 1 on that from t to t − 1. Where a term
    stands for several steps, it lies on all of them.
    """
    ends = 1.0 + np.cumsum(split.terms.weight)
    begin = np.concatenate([[1.0], ends[:-1]])
    outside = np.array([np.nan])
    terms = -split.terms.weight * split.terms.mean
    kl: PartKind = "kl"
    return BoundStack(
        name,
        ("reconstruction", *(kl for _ in ends), "prior"),
        np.concatenate([outside, begin, outside]),
        np.concatenate([outside, ends, outside]),
        np.concatenate([[split.reconstruction.mean], terms, [-split.prior.mean]]),
        value(split.total),
    )


def _split(split: Split) -> SplitValues:
    return SplitValues(
        value(split.reconstruction),
        value(split.prior),
        value(split.terms_sum),
        value(split.total),
        split.variance,
    )
