"""What a probe found, in words: for each fact whether the network agrees with what is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from explorer.engine.probe_asking import Asked, paired
from explorer.engine.probe_finer import can_ask_offset, can_tell_offset
from explorer.engine.probe_found import Comparison, Found, Hypothesis
from explorer.engine.probe_frame import ProbeChoice, Probed, ProbeRow, Verdict
from explorer.engine.probe_offset import SURE, judge_offsets
from explorer.engine.probe_pictures import MANY
from explorer.facts import Fact, ModelFacts, Source, TimeInput
from explorer.formats.adjusted import ROWS
from explorer.formats.schedule_names import schedule_json

WORTH = {"weights": 0.01, "time_offset": 0.0}
"""The least difference of log error that is worth a word; of other facts LEAST."""
LEAST = 0.03
LEAST_OF_FEW = 0.3
"""The same where one picture, or a few, must stand for all."""
ROWS_SHOWN = 8
USELESS, USELESS_STAND_INS = -0.03, -0.3
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
ONE_SET = (
    "There is one set of weights; whether it is the averaged one (EMA) cannot be told from it: that shows only against "
    "the other."
)


def report(facts: ModelFacts, found: Found, asked: Asked) -> Probed:
    """The table and the verdicts."""
    best = found.scores[found.best]
    useless = float(best.mean()) > (USELESS if asked.known.own else USELESS_STAND_INS)
    verdicts = [] if useless else _verdicts(facts, found, asked)
    return Probed(
        _rows(found),
        tuple(verdicts),
        _sentence(verdicts, useless),
        asked.known.title,
        asked.calls,
        () if useless else (*_choices(found.weights, "weights", facts.weights), *_offset_choices(facts, found)),
        "" if facts.weight_sets else ONE_SET,
    )


def _verdicts(facts: ModelFacts, found: Found, asked: Asked) -> list[Verdict]:
    """Of every fact that was probed, those that are contradicted first."""
    force, best = found.in_force, found.best
    few = not asked.known.many
    verdicts = [_prediction(facts, found, few)]
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
                few,
            )
        )
    if found.told_level:
        note = "The network is told the noise level itself: no schedule can be wrong for it."
        verdicts.append(Verdict("schedule", ROWS["schedule"], "agrees", str(force.clock.title), "", note))
    else:
        verdicts += [_scale(facts, found, few), _schedule(facts, found, few)]
    if len({h.clock.time.reversed for h in found.scores}) > 1:
        verdicts.append(_direction(facts, found, few))
    if can_ask_offset(found, facts):
        verdicts.append(_offset(facts, found) if can_tell_offset(asked) else _no_offset(facts))
    if found.weights:
        verdicts.append(weights_verdict(facts, found, asked.known.many))
    return sorted(verdicts, key=lambda verdict: verdict.certainty != "contradicts")


def _prediction(facts: ModelFacts, found: Found, few: bool) -> Verdict:
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
        few,
    )


def _direction(facts: ModelFacts, found: Found, few: bool) -> Verdict:
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
        few,
    )


def _scale(facts: ModelFacts, found: Found, few: bool) -> Verdict:
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
        few,
    )


def _schedule(facts: ModelFacts, found: Found, few: bool) -> Verdict:
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
        few,
    )


def _offset(facts: ModelFacts, found: Found) -> Verdict:
    force = facts.time_input.offset
    judged = judge_offsets(found, force)
    against, key, said, text = judged.against, "time_offset", _signed(force), _signed(judged.best)
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
    return Verdict("time_offset", ROWS["time_offset"], "unclear", _signed(facts.time_input.offset), "", note)


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


def _rows(found: Found) -> tuple[ProbeRow, ...]:
    ranked = sorted(found.scores, key=found.behind)
    shown = ranked[:ROWS_SHOWN]
    if found.in_force not in shown:
        shown.append(found.in_force)
    rows = []
    least = float(found.scores[found.best].mean())
    for hypothesis in shown:
        behind, error = found.gap(hypothesis, found.best)
        rows.append(
            ProbeRow(
                hypothesis.kind,
                _range(hypothesis.value_range),
                hypothesis.clock.title,
                _time(hypothesis.clock.time),
                math.exp(least + behind),
                behind,
                error,
                hypothesis == found.in_force,
                hypothesis == found.best,
            )
        )
    return tuple(rows)


def _choices(scores: Mapping[Any, Tensor], key: str, force: Any, show: Callable[[Any], str] = str) -> list[ProbeChoice]:
    """Every value of a finer question, in order."""
    if not scores:
        return []
    best = min(scores, key=lambda value: float(scores[value].mean()))
    made = []
    for value in sorted(scores):
        behind, error = paired(scores[value], scores[best])
        made.append(ProbeChoice(key, show(value), behind, error, value == force, value == best))
    return made


def _offset_choices(facts: ModelFacts, found: Found) -> list[ProbeChoice]:
    return _choices(found.offsets, "time_offset", facts.time_input.offset, _signed)


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
