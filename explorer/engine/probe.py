"""A probe: which conventions explain best what a network says of pictures that are known.

Steps, each at what the one before found:

1. the value range and the direction of time;
2. the noise schedule, with every meaning of the output;
3. both again where 2 changed anything;
4. what is still close, on more pictures;
5. the other sets of weights, where there are some, and the offset of the time index (see `probe_finer`).

Hypotheses are compared over the same pictures and noise. What does not differ by several standard errors is not said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.prediction import KINDS
from explorer.engine.frame import Frame
from explorer.engine.probe_asking import LEVELS, Asked, Clock, score
from explorer.engine.probe_finer import FARTHEST, compare_offsets, compare_weights
from explorer.engine.probe_found import Found, Hypothesis
from explorer.engine.probe_frame import Probing
from explorer.engine.probe_pictures import Known, known_pictures
from explorer.engine.probe_report import report
from explorer.facts import ModelError, NamedSchedule
from explorer.formats.model import Model
from explorer.formats.schedule_names import make_schedule
from explorer.request import Probe

PICTURES, POINTS = 6, 256
"""That each question is asked about at first."""
MOST_PICTURES = 4
"""As many times as that, where it is close."""
MOST_RIVALS = 6
RANGES = ((-1.0, 1.0), (0.0, 1.0))
SCHEDULES = (
    NamedSchedule("linear"),
    NamedSchedule("scaled_linear"),
    NamedSchedule("scaled_linear", (("beta_start", 0.0015), ("beta_end", 0.0195))),
    NamedSchedule("cosine"),
    NamedSchedule("sigmoid"),
    NamedSchedule("rectified_flow"),
)
MOST_TOLD = 10_000
"""The greatest index that a network is tried with."""
SCALES = (4.0, 0.25)
"""A network trained with 4,000 times is told every fourth index by a schedule of 1,000."""
SAME = 0.05
"""Of log-SNR: schedules that are nowhere further apart at the levels asked about are one."""


def probe(model: Model, request: Probe) -> Iterator[Frame]:
    """Probing … and a Probed. Raises ModelError for a model without a network of its own to ask."""
    denoiser, facts = model.denoiser, model.facts
    if not isinstance(denoiser, NetworkDenoiser):
        raise ModelError(f"“{facts.title}” is no network that is told a time, so there is nothing to probe.")
    kinds = known_pictures(model, request.picture, request.seed)
    n = PICTURES if facts.kind == "image" else POINTS
    ranges = tuple(dict.fromkeys((facts.value_range, *RANGES))) if facts.kind == "image" else (facts.value_range,)

    yield Probing(0.0, "Value range and direction of time…")
    tried: list[tuple[Asked, Found]] = []
    for place, known in enumerate(kinds):
        asked, found = _begin(denoiser, model, known, request.seed)
        yield from _ranges(asked, found, ranges, n, 0.3 * place / len(kinds), 0.3 * (place + 1) / len(kinds))
        tried.append((asked, found))
    asked, found = min(tried, key=lambda pair: float(pair[1].scores[pair[1].best].mean()))
    clock = found.in_force.clock
    yield from _schedules(asked, found, [clock] if found.told_level else _clocks(clock), n, 0.3, 0.5)
    if not found.told_level:
        yield from _scales(asked, found, n, 0.5, 0.57)
    if found.best.clock.schedule is not clock.schedule or found.best.clock.time.scale != clock.time.scale:
        yield from _ranges(asked, found, ranges, n, 0.57, 0.62)
    yield from _rivals(asked, found, n)
    if not all(bool(torch.isfinite(scores).all()) for scores in found.scores.values()):
        raise ModelError("The network returned values that are not finite, so nothing can be said of it.")
    if len(facts.weight_sets) > 1:
        yield from compare_weights(asked, found, model, request)
    yield from compare_offsets(asked, found, facts)
    yield report(facts, found, asked)


def _begin(denoiser: NetworkDenoiser, model: Model, known: Known, seed: int) -> tuple[Asked, Found]:
    """The offset comes last: a step more or less hardly matters at the levels that all else is compared at."""
    facts, time = model.facts, model.facts.time_input
    asked = Asked(denoiser, known, seed)
    if abs(time.offset) <= FARTHEST:
        time = replace(time, offset=0.0)
    clock = Clock(denoiser.schedule, facts.schedule_numbers, facts.schedule, time)
    in_force = Hypothesis(clock, facts.value_range, denoiser.kind)
    return asked, Found(in_force, in_force, asked.told_level)


def _clocks(own: Clock) -> list[Clock]:
    """The schedules to choose from, the model's own first, those that are the same left out."""
    clocks = [own]
    for numbers in SCHEDULES:
        clock = Clock(make_schedule(numbers, own.schedule.T), numbers, str(numbers), own.time)
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


def _judge(asked: Asked, found: Found, hypothesis: Hypothesis, n: int, batch: int = 0) -> Iterator[None]:
    """Add the scores of a clock and a range with every meaning of the output. Yields after every call.

    batch: which n pictures; those before them are asked about too.
    """
    clock, value_range = hypothesis.asked
    for number in range(len(found.scores.get(hypothesis, ())) // n, batch + 1):
        answers = []
        for place, level in enumerate(LEVELS):
            answers.append(asked.errors(clock, value_range, level, None, number * n, n, place))
            yield
        for kind in KINDS:
            each = replace(hypothesis, kind=kind)
            part = score([answer[kind] for answer in answers])
            found.scores[each] = torch.cat([found.scores[each], part]) if number else part


def _ranges(
    asked: Asked, found: Found, ranges: tuple[tuple[float, float], ...], n: int, begin: float, end: float
) -> Iterator[Frame]:
    base = found.best.clock
    clocks = [base]
    if not found.told_level or not base.time.plain:
        clocks.append(replace(base, time=replace(base.time, reversed=not base.time.reversed)))
    every = [replace(found.best, clock=clock, value_range=ends) for clock in clocks for ends in ranges]
    yield from _each(asked, found, every, n, begin, end, "Value range and direction of time…")


def _scales(asked: Asked, found: Found, n: int, begin: float, end: float) -> Iterator[Frame]:
    """Of what is in force as of the best: another scale can look like another schedule, range or direction."""
    every = [
        replace(base, clock=replace(base.clock, time=replace(base.clock.time, scale=base.clock.time.scale * factor)))
        for base in dict.fromkeys((found.best, replace(found.in_force, kind=found.best.kind)))
        for factor in SCALES
        if base.clock.time.scale * factor * base.clock.schedule.T <= MOST_TOLD
    ]
    yield from _each(asked, found, every, n, begin, end, "Scale of the time index…")


def _schedules(asked: Asked, found: Found, clocks: list[Clock], n: int, begin: float, end: float) -> Iterator[Frame]:
    known = found.best.clock
    every = [
        replace(found.best, clock=known if clock.schedule is known.schedule else replace(clock, time=known.time))
        for clock in clocks
    ]
    yield from _each(asked, found, every, n, begin, end, "Noise schedule and meaning of the output…")


def _each(
    asked: Asked, found: Found, every: list[Hypothesis], n: int, begin: float, end: float, doing: str
) -> Iterator[Frame]:
    every = [hypothesis for hypothesis in every if hypothesis not in found.scores]
    done = 0
    for hypothesis in every:
        for _ in _judge(asked, found, hypothesis, n):
            done += 1
            yield Probing(begin + (end - begin) * done / (len(every) * len(LEVELS)), doing)
    found.choose()


def _rivals(asked: Asked, found: Found, n: int) -> Iterator[Frame]:
    """More pictures for what is not certainly worse than the best."""
    for batch in range(1, MOST_PICTURES):
        rivals = found.rivals(n)
        if not rivals:
            return
        asked_about = {h.asked: h for h in (found.best, *rivals)}
        for hypothesis in list(asked_about.values())[: 1 + MOST_RIVALS]:
            for _ in _judge(asked, found, hypothesis, n, batch):
                yield Probing(0.62 + 0.08 * batch / MOST_PICTURES, "More pictures for what is close…")
        found.choose()
