"""What a probe found, in words: for each fact whether the network agrees with what is said of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from explorer.engine.probe_asking import Asked, paired
from explorer.engine.probe_frame import Probed, ProbeRow, Verdict
from explorer.facts import Fact, ModelFacts, Source, TimeInput
from explorer.formats.adjusted import ROWS
from explorer.formats.schedule_names import schedule_json

if TYPE_CHECKING:
    from explorer.engine.probe import Found, Hypothesis

SURE = 4.0
"""Standard errors, from which on a difference is one."""
WORTH = {"weights": 0.01, "time_offset": 0.0}
"""The least difference of log error that is worth a word; of other facts LEAST."""
LEAST = 0.03
ROWS_SHOWN = 8
USELESS = -0.03
"""log(error / that of a linear guess), above which no hypothesis explains the pictures."""
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
Comparison = tuple[float, float]


def report(facts: ModelFacts, found: Found, asked: Asked) -> Probed:
    """The table and the verdicts."""
    best = found.scores[found.best]
    useless = float(best.mean()) > USELESS
    verdicts = [] if useless else _verdicts(facts, found)
    return Probed(_rows(found), tuple(verdicts), _sentence(verdicts, useless), asked.known.title, asked.calls)


def _verdicts(facts: ModelFacts, found: Found) -> list[Verdict]:
    """Of every fact that was probed, those that are contradicted first."""
    force, best = found.in_force, found.best
    verdicts = [_prediction(facts, found)]
    if len({h.value_range for h in found.scores}) > 1:
        wrong = [h for h in found.scores if h.value_range != best.value_range]
        verdicts.append(
            _verdict(
                facts,
                "value_range",
                _range(force.value_range),
                _range(best.value_range),
                f"The network was trained on pictures in {_range(best.value_range)}",
                list(best.value_range),
                force.value_range == best.value_range,
                _against(found, wrong),
            )
        )
    if found.told_level:
        note = "The network is told the noise level itself: no schedule or time index can be probed."
        verdicts.append(Verdict("schedule", "unclear", str(force.clock.title), "", note))
    else:
        verdicts += [_direction(facts, found), _scale(facts, found), _schedule(facts, found)]
    if found.offsets:
        verdicts.append(_offset(facts, found))
    if found.weights:
        verdicts.append(_weights(facts, found))
    return sorted(verdicts, key=lambda verdict: verdict.certainty != "contradicts")


def _prediction(facts: ModelFacts, found: Found) -> Verdict:
    force, best = found.in_force, found.best
    wrong = [h for h in found.scores if h.kind != best.kind]
    return _verdict(
        facts,
        "prediction",
        KIND_NAMES[force.kind],
        KIND_NAMES[best.kind],
        f"The network behaves like {KIND_NAMES[best.kind]}",
        best.kind,
        force.kind == best.kind,
        _against(found, wrong),
    )


def _direction(facts: ModelFacts, found: Found) -> Verdict:
    force, best = found.in_force.clock.time.reversed, found.best.clock.time.reversed
    words = {False: "grows with noise", True: "falls with noise"}
    return _verdict(
        facts,
        "time_reversed",
        words[force],
        words[best],
        f"The network's time index {words[best]}",
        best,
        force == best,
        _against(found, [h for h in found.scores if h.clock.time.reversed != best]),
    )


def _scale(facts: ModelFacts, found: Found) -> Verdict:
    force, best = found.in_force.clock.time.scale, found.best.clock.time.scale
    return _verdict(
        facts,
        "time_scale",
        f"{force:g}",
        f"{best:g}",
        f"The network's time index goes up by {best:g} a step",
        best,
        force == best,
        _against(found, [h for h in found.scores if h.clock.time.scale != best]),
    )


def _schedule(facts: ModelFacts, found: Found) -> Verdict:
    force, best = found.in_force.clock, found.best.clock
    value: Any = schedule_json(best.numbers) if best.numbers is not None else None
    wrong = [h for h in found.scores if h.clock.schedule is not best.schedule]
    return _verdict(
        facts,
        "schedule",
        force.title,
        best.title,
        f"The noise levels that the network expects are those of the schedule {best.title}",
        value,
        force.schedule is best.schedule,
        _against(found, wrong),
    )


def _offset(facts: ModelFacts, found: Found) -> Verdict:
    force = found.in_force.clock.time.offset
    best = min(found.offsets, key=lambda key: float(found.offsets[key].mean()))
    gaps = {key: paired(found.offsets[key], found.offsets[best]) for key in found.offsets if key != best}
    # Where the best is no better than what is in force, by far enough, that stays.
    against = gaps[force] if force != best else min(gaps.values(), key=lambda gap: gap[0] / gap[1])
    return _verdict(
        facts,
        "time_offset",
        _signed(force),
        _signed(best),
        f"The network expects the time index {_shifted(best)}",
        best,
        force == best,
        against,
    )


def _weights(facts: ModelFacts, found: Found) -> Verdict:
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
    )


def _against(found: Found, wrong: list[Hypothesis]) -> Comparison:
    """The best hypothesis against the one in force where that is wrong, else against the best of the wrong ones."""
    best = found.scores[found.best]
    if found.in_force in wrong:
        # That the one in force is wrong must be certain; that no other is right, as likely as one can ask for.
        difference, error = paired(found.scores[_nearest(found, wrong)], best)
        return min(paired(found.scores[found.in_force], best), (2 * difference, error), key=lambda gap: gap[0] / gap[1])
    return paired(found.scores[_nearest(found, wrong)], best) if wrong else (math.inf, 1.0)


def _nearest(found: Found, wrong: list[Hypothesis]) -> Hypothesis:
    return min(wrong, key=lambda hypothesis: float(found.scores[hypothesis].mean()))


def _verdict(
    facts: ModelFacts,
    key: str,
    said: str,
    found: str,
    sentence: str,
    value: Any,
    same: bool,
    against: Comparison,
) -> Verdict:
    difference, error = against
    sigma = min(difference / error, 999.0)
    sure = sigma >= SURE and difference >= WORTH.get(key, LEAST)
    name = ROWS[key]
    if not sure:
        text = f"The probe cannot tell the {name} for certain; it looks like {found}."
        return Verdict(key, "unclear", said, found, text, None, sigma)
    if same:
        return Verdict(key, "agrees", said, found, f"{sentence}, {AGREES[_source(facts, key)]}.", None, sigma)
    if key == "weights":
        return Verdict(key, "contradicts", said, found, f"{sentence}, which is in use.", value, sigma)
    return Verdict(
        key, "contradicts", said, found, f"{sentence}; {SPEAKERS[_source(facts, key)]} {said}.", value, sigma
    )


def _source(facts: ModelFacts, key: str) -> Source:
    fact = next((fact for fact in facts.evidence if fact.name == ROWS[key]), Fact("", "", "default"))
    return fact.source


def _rows(found: Found) -> tuple[ProbeRow, ...]:
    best = found.scores[found.best]
    ranked = sorted(found.scores, key=lambda hypothesis: float(found.scores[hypothesis].mean()))
    shown = ranked[:ROWS_SHOWN]
    if found.in_force not in shown:
        shown.append(found.in_force)
    rows = []
    for hypothesis in shown:
        behind, error = paired(found.scores[hypothesis], best)
        rows.append(
            ProbeRow(
                hypothesis.kind,
                _range(hypothesis.value_range),
                hypothesis.clock.title,
                _time(hypothesis.clock.time),
                math.exp(float(found.scores[hypothesis].mean())),
                behind,
                error,
                hypothesis == found.in_force,
                hypothesis == found.best,
            )
        )
    return tuple(rows)


def _sentence(verdicts: list[Verdict], useless: bool) -> str:
    if useless:
        return (
            "No hypothesis explains these pictures better than a linear guess, so the probe cannot tell: give a "
            "picture like those that the model was trained on."
        )
    wrong = [verdict.sentence for verdict in verdicts if verdict.certainty == "contradicts"]
    if wrong:
        return " ".join(wrong)
    unclear = [ROWS[verdict.key] for verdict in verdicts if verdict.certainty == "unclear"]
    rest = f" The probe cannot tell: {', '.join(unclear)}." if unclear else ""
    return f"The network behaves as its files say.{rest}"


def _range(ends: tuple[float, float]) -> str:
    return f"{ends[0]:g} … {ends[1]:g}".replace("-", "−")


def _time(time: TimeInput) -> str:
    """What the network is told, in a word."""
    words = ["reversed"] if time.reversed else []
    words += [f"× {time.scale:g}"] if time.scale != 1 else []
    return ", ".join(words) or "as stated"


def _signed(offset: float) -> str:
    return f"{offset:+g}".replace("-", "−") if offset else "0"


def _shifted(offset: float) -> str:
    if offset == 0:
        return "t − 1"
    index = offset - 1
    return "t" if index == 0 else f"t {'−' if index < 0 else '+'} {abs(index):g}"
