"""The finer questions of a probe: which set of weights is better, and whether the time index is off by one.

Both are a matter of a few per cent of the error, so they are asked about more and more pictures until they are certain.
A wrong offset is worst at small t, where neighbouring times differ most. A network that is not perfect, or pictures
that are not quite what it was trained on, may also look better when it is told of a little more or less noise. But that
is another number of steps at every t, where an offset is the same one. So an offset is believed only where no single t
is clearly for another one, where it is the same early and late, and within a step of what anybody says. A network that
knows no more than a linear guess at these t, as x̂₀-predictions often do, says nothing about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.engine.frame import Frame
from explorer.engine.probe_asking import Asked, paired
from explorer.engine.probe_found import CERTAIN, Found
from explorer.engine.probe_frame import Probing
from explorer.engine.probe_offset import judge_offsets
from explorer.facts import ModelFacts
from explorer.formats.registry import load
from explorer.request import Probe

if TYPE_CHECKING:
    from explorer.formats.model import Model

TIMES = (3, 4, 5, 6, 8, 10, 12)
"""That offsets are compared at."""
FARTHEST = 3
"""Offset from which on one in force is no slip but meant so."""
MOST_BATCHES = 6
"""Of pictures."""
PICTURES, POINTS = 16, 256
"""In each of them, for each time or level."""
LEVELS = (7.0, 5.0, 3.0, 1.0, -1.0, -3.0)
"""Log-SNR that sets of weights are compared at."""
LEAST_BATCHES = 3
"""Before another offset than the one in force is believed: a few pictures do not show that one t is against it."""


def can_ask_offset(found: Found, facts: ModelFacts) -> bool:
    """Whether the network is told an index at all, of so many that one more or less is a slip."""
    return (not found.told_level or not facts.time_input.plain) and 2 * TIMES[-1] <= found.best.clock.schedule.T


def can_tell_offset(asked: Asked) -> bool:
    """Whether the pictures allow the question."""
    return asked.known.own and asked.known.many


def compare_offsets(asked: Asked, found: Found, facts: ModelFacts) -> Iterator[Frame]:
    """Go on until the best offset is certain, or there are as many pictures as are worth it."""
    if not (can_ask_offset(found, facts) and can_tell_offset(asked)):
        return
    n = PICTURES if facts.kind == "image" else POINTS
    best, force = found.best, facts.time_input.offset
    likely = sorted({force, 0.0} if abs(force) <= FARTHEST else {force})
    lowest, highest = likely[0] - 2, likely[-1] + 2  # one step further than is believed
    candidates = sorted({force - 1, force, force + 1, *likely})
    batches = 1
    while True:
        places = batches * len(TIMES)
        found.times = torch.tensor(TIMES).repeat(batches).repeat_interleave(n)
        for candidate in candidates:
            clock = replace(best.clock, time=replace(best.clock.time, offset=candidate))
            answers = []
            for place in range(places):
                t = TIMES[place % len(TIMES)]
                errors = asked.errors(clock, best.value_range, None, t, place * n, n, 1 + place, found.denoiser)
                answers.append(errors[best.kind])
                yield Probing(0.75 + 0.25 * (batches - 1 + (place + 1) / places) / MOST_BATCHES, "Offset of the time…")
            found.offsets[candidate] = torch.cat(answers)
        least = judge_offsets(found, force).best
        outward = least + (1.0 if least == candidates[-1] else -1.0)
        if least in (candidates[0], candidates[-1]) and lowest <= outward <= highest:
            candidates = sorted({*candidates, outward})  # it may lie further out; what is known is not asked again
            continue
        gaps = [paired(found.offsets[key], found.offsets[least]) for key in candidates if key != least]
        judged = judge_offsets(found, force)
        certain = judged.doubt == "" and all(mean > CERTAIN * error for mean, error in gaps)
        enough = batches >= (1 if least == force else LEAST_BATCHES)
        if (certain and enough) or batches >= MOST_BATCHES or judged.doubt == "blind":
            return
        batches += 1


def compare_weights(asked: Asked, found: Found, model: Model, request: Probe) -> Iterator[Frame]:
    """The errors of every set of weights under the best hypothesis, until it is certain which is better."""
    best, facts = found.best, model.facts
    n = PICTURES if facts.kind == "image" else POINTS
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
            for place, level in enumerate(LEVELS):
                first = (batch * len(LEVELS) + place) * n
                errors = asked.errors(best.clock, best.value_range, level, None, first, n, 1 + place, denoiser)
                answers.append(errors[best.kind])
                yield Probing(0.7 + 0.05 * (batch + place / len(LEVELS)) / MOST_BATCHES, f"Weights “{name}”…")
            part = torch.cat(answers)
            found.weights[name] = torch.cat([found.weights[name], part]) if batch else part
        least = min(found.weights, key=lambda name: float(found.weights[name].mean()))
        gaps = [paired(found.weights[name], found.weights[least]) for name in sets if name != least]
        if all(mean > CERTAIN * error for mean, error in gaps):
            break
    found.denoiser = sets[least]
