"""What a probe says of each fact: whether the network agrees with what is said of it, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from explorer.engine.probe_asking import Asked, paired
from explorer.engine.probe_finer import can_ask_offset, can_tell_offset
from explorer.engine.probe_found import Comparison, Found, Hypothesis
from explorer.engine.probe_frame import Verdict
from explorer.engine.probe_offset import SURE, judge_offsets
from explorer.engine.probe_pictures import MANY
from explorer.facts import Fact, ModelFacts, Source
from explorer.formats.adjusted import ROWS
from explorer.formats.schedule_names import schedule_json

WORTH = {"weights": 0.01, "time_offset": 0.0}
"""The least difference of log error that is worth a word; of other facts LEAST."""
LEAST = 0.03
LEAST_OF_FEW = 0.3
"""The same where one picture, or a few, must stand for all."""
KIND_NAMES = {
    "eps": "ε-prediction",
    "v": "v-prediction",
    "x0": "x₀-prediction",
    "flow": "the velocity of a flow",
    "score": "the score",
}
AGREES = {
    "file": "as the file says",
    "card": "as the card says",
    "default": "which is the default",
    "inferred": "as was inferred",
    "probed": "as an earlier probe said",
    "user": "as you said",
}
SPEAKERS = {
    "file": "the file says",
    "card": "the card says",
    "default": "the default is",
    "inferred": "it was inferred as",
    "probed": "an earlier probe said",
    "user": "you said",
}


def verdicts_on(facts: ModelFacts, found: Found, asked: Asked) -> list[Verdict]:
    """Of every fact that was probed, those that are contradicted first."""
    best, clock = found.best, found.best.clock
    verdict = partial(_verdict_on, facts, found, few=not asked.known.many)
    prediction = "The network behaves like {}"
    verdicts = [verdict("prediction", lambda h: h.kind, lambda h: KIND_NAMES[h.kind], prediction, best.kind)]
    if len({h.value_range for h in found.scores}) > 1:
        text = "The network was trained on pictures in {}"
        ends = list(best.value_range)
        verdicts.append(
            verdict("value_range", lambda h: h.value_range, lambda h: range_text(h.value_range), text, ends)
        )
    if found.told_level:
        note = "The network is told the noise level itself: no schedule can be wrong for it."
        said = str(found.in_force.clock.title)
        verdicts.append(Verdict("schedule", ROWS["schedule"], "agrees", said, "", note))
    else:
        scale = "The network's time index goes up by {} a step"
        levels = "The noise levels that the network expects are those of the schedule {}"
        numbers = schedule_json(clock.numbers) if clock.numbers is not None else None
        verdicts += [
            verdict("time_scale", lambda h: h.clock.time.scale, _scale_text, scale, clock.time.scale),
            verdict("schedule", lambda h: h.clock.schedule, lambda h: h.clock.title, levels, numbers),
        ]
    if len({h.clock.time.reversed for h in found.scores}) > 1:
        index = "The network's time index {}"
        turned = clock.time.reversed
        verdicts.append(verdict("time_reversed", lambda h: h.clock.time.reversed, _direction_text, index, turned))
    if can_ask_offset(found, facts):
        verdicts.append(_offset(facts, found) if can_tell_offset(asked) else _no_offset(facts))
    if found.weights:
        verdicts.append(weights_verdict(facts, found, asked.known.many))
    return sorted(verdicts, key=lambda verdict: verdict.certainty != "contradicts")


def _verdict_on(
    facts: ModelFacts,
    found: Found,
    key: str,
    of: Callable[[Hypothesis], Any],
    words: Callable[[Hypothesis], str],
    sentence: str,
    value: Any,
    *,
    few: bool,
) -> Verdict:
    """On the fact of which a hypothesis says `of`, in `words`; the best one's go into the sentence in place of {}."""
    force, best = found.in_force, found.best
    wrong = [h for h in found.scores if of(h) != of(best)]
    text, same = sentence.format(words(best)), of(force) == of(best)
    return _verdict(facts, key, words(force), words(best), text, value, same, _against(found, wrong), few)


def _ends_text(hypothesis: Hypothesis) -> str:
    return range_text(hypothesis.value_range)


def _scale_text(hypothesis: Hypothesis) -> str:
    return f"{hypothesis.clock.time.scale:g}"


def _direction_text(hypothesis: Hypothesis) -> str:
    return "falls with noise" if hypothesis.clock.time.reversed else "grows with noise"


def _offset(facts: ModelFacts, found: Found) -> Verdict:
    force = facts.time_input.offset
    judged = judge_offsets(found, force)
    against, key, said, text = judged.against, "time_offset", signed(force), signed(judged.best)
    shifted = f"The network expects a time offset of {text}"
    if not judged.doubt and not (found.told_level and judged.best not in (force, 0.0)):
        return _verdict(facts, key, said, text, shifted, judged.best, force == judged.best, against, False)
    if found.told_level:
        own = "The network is told the noise level itself, so there is no time index to shift"
        if force == 0:
            return Verdict(key, ROWS[key], "agrees", said, "0", f"{own}.")
        return Verdict(key, ROWS[key], "contradicts", said, "0", f"{own}; {SPEAKERS[_source(facts, key)]} {said}.", 0.0)
    doubt = (
        "At small t, where a wrong offset shows, the network knows no more than a linear guess: whether its time index "
        "is off by one cannot be told."
    )
    if judged.doubt == "uneven":
        doubt = (
            "At small t the network does better when it is told of a little more or less noise, but not by the same "
            "number of steps at every t: no offset explains that, and an offset of one cannot be told."
        )
    elif judged.doubt == "close":
        doubt = f"The probe cannot tell the {ROWS[key]} for certain; it looks like {text}."
    return Verdict(key, ROWS[key], "unclear", said, text, doubt, None, max(min(against[0] / against[1], 999.0), 0.0))


def _no_offset(facts: ModelFacts) -> Verdict:
    note = f"Whether the time index is off by one can be told from {MANY} or more of the network's own pictures only."
    return Verdict("time_offset", ROWS["time_offset"], "unclear", signed(facts.time_input.offset), "", note)


def weights_verdict(facts: ModelFacts, found: Found, many: bool) -> Verdict:
    """Whether the set in use is the better one. many: whether one picture's looks cannot decide that."""
    best = min(found.weights, key=lambda name: float(found.weights[name].mean()))
    force = facts.weights
    gaps = {name: paired(found.weights[name], found.weights[best]) for name in found.weights if name != best}
    against = gaps[force] if force != best else min(gaps.values(), key=lambda gap: gap[0] / gap[1])
    return _verdict(
        facts,
        "weights",
        f"“{force}”",
        f"“{best}”",
        f"The set of weights “{best}” explains pictures better than “{force}”",
        best,
        force == best,
        against,
        not many,
    )


def _against(found: Found, wrong: list[Hypothesis]) -> Comparison:
    """The best hypothesis against the one in force where that is wrong, else against the best of the wrong ones."""
    if not wrong:
        return math.inf, 1.0
    nearest = found.gap(min(wrong, key=found.behind), found.best)
    if found.in_force in wrong:
        # That the one in force is wrong must be certain; that no other is right, as likely as one can ask for.
        force = found.gap(found.in_force, found.best)
        return min(force, (2 * nearest[0], nearest[1]), key=lambda gap: gap[0] / gap[1])
    return nearest


def _verdict(
    facts: ModelFacts,
    key: str,
    said: str,
    found: str,
    sentence: str,
    value: Any,
    same: bool,
    against: Comparison,
    few: bool,
) -> Verdict:
    difference, error = against
    sigma = min(difference / error, 999.0)
    sure = sigma >= SURE and difference >= (LEAST_OF_FEW if few else WORTH.get(key, LEAST))
    name = ROWS[key]
    if not sure:
        text = f"The probe cannot tell the {name} for certain; it looks like {found}."
        return Verdict(key, name, "unclear", said, found, text, None, sigma)
    if same:
        return Verdict(key, name, "agrees", said, found, f"{sentence}, {AGREES[_source(facts, key)]}.", None, sigma)
    if key == "weights":
        return Verdict(key, name, "contradicts", said, found, f"{sentence}, which is in use.", value, sigma)
    return Verdict(
        key, name, "contradicts", said, found, f"{sentence}; {SPEAKERS[_source(facts, key)]} {said}.", value, sigma
    )


def _source(facts: ModelFacts, key: str) -> Source:
    fact = next((fact for fact in facts.evidence if fact.name == ROWS[key]), Fact("", "", "default"))
    return fact.source


def range_text(ends: tuple[float, float]) -> str:
    """With a true minus."""
    return f"{ends[0]:g} … {ends[1]:g}".replace("-", "−")


def signed(offset: float) -> str:
    """An offset with its sign, a true minus; 0 without one."""
    return f"{offset:+g}".replace("-", "−") if offset else "0"
