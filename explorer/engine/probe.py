"""A probe: which conventions explain best what a network says of pictures that are known.

Steps, each at what the one before found:

1. the value range and the direction of time;
2. the noise schedule, with every meaning of the output;
3. both again where 2 changed anything;
4. the other sets of weights, where there are some;
5. the index offset, at small t, where neighbouring times differ most, on more and more pictures until it is certain.

Hypotheses are compared over the same pictures and noise. What does not differ by several standard errors is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.prediction import KINDS, Kind
from explorer.engine.frame import Frame
from explorer.engine.probe_asking import LEVELS, Asked, Clock, paired, score
from explorer.engine.probe_frame import Probing
from explorer.engine.probe_pictures import known_pictures
from explorer.engine.probe_report import report
from explorer.facts import ModelError, NamedSchedule
from explorer.formats.model import Model
from explorer.formats.registry import load
from explorer.formats.schedule_names import make_schedule
from explorer.request import Probe

PICTURES, POINTS = 6, 256
"""That each question is asked about."""
RANGES = ((-1.0, 1.0), (0.0, 1.0))
SCHEDULES = (
    NamedSchedule("linear"),
    NamedSchedule("scaled_linear", (("beta_start", 0.00085), ("beta_end", 0.012))),
    NamedSchedule("cosine"),
    NamedSchedule("sigmoid"),
    NamedSchedule("rectified_flow"),
)
SMALL_TIMES = (3, 4, 5, 6, 8, 10, 12)
OFFSETS = (-1.0, 0.0, 1.0)
FARTHEST = 3
"""Offset that is looked for, from the one in force."""
MOST_BATCHES = 4
"""Of pictures, for the offset."""
OFFSET_PICTURES = 16
"""In each of them, for each time."""
MOST_TOLD = 10_000
"""The greatest index that a network is tried with."""
WEIGHTS_LEVELS = (7.0, 5.0, 3.0, 1.0, -1.0, -3.0)
"""Log-SNR that sets of weights are compared at."""
SCALES = (4.0, 0.25)
"""A network trained with 4,000 times is told every fourth index by a schedule of 1,000."""
SURE = 6.0
"""Standard errors."""
SAME = 0.05
"""Of log-SNR: schedules that are nowhere further apart at the levels asked about are one."""


@dataclass(frozen=True)
class Hypothesis:
    """The index of its clock, its value range and the meaning of the output."""

    clock: Clock
    value_range: tuple[float, float]
    kind: Kind


@dataclass(eq=False)
class Found:
    """What the steps have found. scores: (n,) by hypothesis."""

    in_force: Hypothesis
    best: Hypothesis
    scores: dict[Hypothesis, Tensor] = field(default_factory=dict)
    offsets: dict[float, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    told_level: bool = False
    denoiser: NetworkDenoiser | None = None
    """With the better set of weights, where that is not the one in use."""


def probe(model: Model, request: Probe) -> Iterator[Frame]:
    """Probing … and a Probed. Raises ModelError for a model without a network of its own to ask."""
    denoiser = model.denoiser
    if not isinstance(denoiser, NetworkDenoiser):
        raise ModelError(f"“{model.facts.title}” is no network that is told a time, so there is nothing to probe.")
    known = known_pictures(model, request.picture, request.seed)
    asked = Asked(denoiser, known, request.seed)
    facts = model.facts
    clock = Clock(denoiser.schedule, facts.schedule_numbers, facts.schedule, facts.time_input)
    in_force = Hypothesis(clock, facts.value_range, denoiser.kind)
    found = Found(in_force, in_force, told_level=asked.told_level)
    n = PICTURES if facts.kind == "image" else POINTS
    ranges = tuple(dict.fromkeys((facts.value_range, *RANGES))) if facts.kind == "image" else (facts.value_range,)
    clocks = [clock] if found.told_level else _clocks(clock)
    reversals = (False,) if found.told_level else (False, True)

    yield Probing(0.0, "Value range and direction of time…")
    yield from _ranges(asked, found, ranges, reversals, n, 0.0, 0.3)
    yield from _schedules(asked, found, clocks, n, 0.3, 0.5)
    if not found.told_level:
        yield from _scales(asked, found, n, 0.5, 0.6)
    if found.best.clock.schedule is not clock.schedule or found.best.clock.time.scale != clock.time.scale:
        yield from _ranges(asked, found, ranges, reversals, n, 0.6, 0.7)
    if len(facts.weight_sets) > 1:
        yield from _weights(asked, found, model, request)
    if not found.told_level and 2 * SMALL_TIMES[-1] <= denoiser.schedule.T:
        yield from _offsets(asked, found, OFFSET_PICTURES if facts.kind == "image" else POINTS)
    if not all(bool(torch.isfinite(scores).all()) for scores in found.scores.values()):
        raise ModelError("The network returned values that are not finite, so nothing can be said of it.")
    yield report(facts, found, asked)


def _clocks(own: Clock) -> list[Clock]:
    """The schedules to choose from, the model's own first, those that are the same left out."""
    clocks = [own]
    for numbers in SCHEDULES:
        schedule = make_schedule(numbers, own.schedule.T)
        clock = Clock(schedule, numbers, numbers.name, own.time)
        if all(any(_apart(clock, other, level) > SAME for level in LEVELS) for other in clocks):
            clocks.append(clock)
    return clocks


def _apart(one: Clock, other: Clock, log_snr: float) -> float:
    """How far apart two clocks are where the second is asked at a level, in log-SNR; far, where it lacks the level."""
    t = other.at(log_snr)
    if abs(one.scale(one.at(log_snr)) - other.scale(t)) > SAME:
        return 100.0
    if one.schedule.discrete != other.schedule.discrete:
        t = max(round(t), 1)
    return abs(one.schedule.log_snr(t) - other.schedule.log_snr(t))


def _judge(asked: Asked, found: Found, clock: Clock, value_range: tuple[float, float], n: int) -> Iterator[None]:
    """Add the scores of one clock and range with every meaning of the output. Yields after every call."""
    answers = []
    for level in LEVELS:
        answers.append(asked.errors(clock, value_range, level, n=n))
        yield
    for kind in KINDS:
        found.scores[Hypothesis(clock, value_range, kind)] = score([answer[kind] for answer in answers])


def _choose(found: Found) -> None:
    """The hypothesis with the least error; the one in force where none is better."""
    best = min(found.scores, key=lambda hypothesis: float(found.scores[hypothesis].mean()))
    if found.in_force in found.scores:
        difference, _ = paired(found.scores[found.in_force], found.scores[best])
        best = found.in_force if difference <= 0 else best
    found.best = best


def _ranges(
    asked: Asked,
    found: Found,
    ranges: tuple[tuple[float, float], ...],
    reversals: tuple[bool, ...],
    n: int,
    begin: float,
    end: float,
) -> Iterator[Frame]:
    base = found.best.clock
    turned = [replace(base, time=replace(base.time, reversed=not base.time.reversed))] if len(reversals) > 1 else []
    every = [(clock, value_range) for clock in (base, *turned) for value_range in ranges]
    yield from _each(asked, found, every, n, begin, end, "Value range and direction of time…")


def _scales(asked: Asked, found: Found, n: int, begin: float, end: float) -> Iterator[Frame]:
    """Of what is in force as of the best: another scale can look like another schedule, range or direction."""
    bases = [(hypothesis.clock, hypothesis.value_range) for hypothesis in (found.best, found.in_force)]
    every = [
        (replace(clock, time=replace(clock.time, scale=clock.time.scale * factor)), value_range)
        for clock, value_range in dict.fromkeys(bases)
        for factor in SCALES
        if clock.time.scale * factor * clock.schedule.T <= MOST_TOLD
    ]
    yield from _each(asked, found, every, n, begin, end, "Scale of the time index…")


def _schedules(asked: Asked, found: Found, clocks: list[Clock], n: int, begin: float, end: float) -> Iterator[Frame]:
    time = found.best.clock.time
    known = found.best.clock
    every = [
        (known if clock.schedule is known.schedule else replace(clock, time=time), found.best.value_range)
        for clock in clocks
    ]
    yield from _each(asked, found, every, n, begin, end, "Noise schedule and meaning of the output…")


def _each(
    asked: Asked,
    found: Found,
    every: list[tuple[Clock, tuple[float, float]]],
    n: int,
    begin: float,
    end: float,
    doing: str,
) -> Iterator[Frame]:
    every = [pair for pair in every if Hypothesis(*pair, found.in_force.kind) not in found.scores]
    done = 0
    for clock, value_range in every:
        for _ in _judge(asked, found, clock, value_range, n):
            done += 1
            yield Probing(begin + (end - begin) * done / (len(every) * len(LEVELS)), doing)
    _choose(found)


def _offsets(asked: Asked, found: Found, n: int) -> Iterator[Frame]:
    """Go on until the best offset is certain, or there are as many pictures as are worth it."""
    best = found.best
    offset = best.clock.time.offset
    candidates = sorted({offset + step for step in OFFSETS} | ({0.0} if abs(offset) <= FARTHEST else set()))
    batches = 1
    while True:
        for candidate in candidates:
            clock = replace(best.clock, time=replace(best.clock.time, offset=candidate))
            answers = []
            for place in range(batches * len(SMALL_TIMES)):
                t = SMALL_TIMES[place % len(SMALL_TIMES)]
                errors = asked.errors(clock, best.value_range, None, t, place * n, n, 1 + place, found.denoiser)
                answers.append(errors[best.kind])
                yield Probing(0.7 + 0.25 * batches / (MOST_BATCHES + 1), "Offset of the time index…")
            found.offsets[candidate] = torch.cat(answers)
        least = min(found.offsets, key=lambda key: float(found.offsets[key].mean()))
        outward = least + (1.0 if least == candidates[-1] else -1.0)
        if least in (candidates[0], candidates[-1]) and abs(outward - offset) <= FARTHEST:
            candidates = sorted({*candidates, outward})  # it may lie further out; what is known is not asked again
            continue
        gaps = [paired(found.offsets[key], found.offsets[least]) for key in candidates if key != least]
        if batches >= MOST_BATCHES or all(mean > SURE * error for mean, error in gaps):
            return
        batches += 1


def _weights(asked: Asked, found: Found, model: Model, request: Probe) -> Iterator[Frame]:
    """The errors of every set of weights under the best hypothesis, until it is certain which is better."""
    best, facts = found.best, model.facts
    sets: dict[str, NetworkDenoiser | None] = {facts.weights: None}
    for name in facts.weight_sets:
        if name != facts.weights:
            with torch.inference_mode(False):
                other = load(facts.path, model.device, {**dict(request.model.overrides), "weights": name}).denoiser
            if isinstance(other, NetworkDenoiser):
                sets[name] = other
    for batch in range(MOST_BATCHES):
        for name, denoiser in sets.items():
            answers = []
            for place, level in enumerate(WEIGHTS_LEVELS):
                first = (batch * len(WEIGHTS_LEVELS) + place) * OFFSET_PICTURES
                errors = asked.errors(
                    best.clock, best.value_range, level, None, first, OFFSET_PICTURES, 1 + place, denoiser
                )
                answers.append(errors[best.kind])
                yield Probing(0.6 + 0.1 * (batch + place / len(WEIGHTS_LEVELS)) / MOST_BATCHES, f"Weights “{name}”…")
            part = torch.cat(answers)
            found.weights[name] = torch.cat([found.weights[name], part]) if batch else part
        least = min(found.weights, key=lambda name: float(found.weights[name].mean()))
        gaps = [paired(found.weights[name], found.weights[least]) for name in sets if name != least]
        if all(mean > SURE * error for mean, error in gaps):
            break
    found.denoiser = sets[least]
