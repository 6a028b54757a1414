"""What a probe found, as it is shown: the table of hypotheses, the verdicts, and one sentence of it all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from explorer.engine.probe_asking import Asked, paired
from explorer.engine.probe_found import Found
from explorer.engine.probe_frame import ProbeChoice, Probed, ProbeRow, Verdict
from explorer.engine.probe_verdicts import range_text, signed, verdicts_on
from explorer.facts import ModelFacts, TimeInput
from explorer.formats.adjusted import ROWS

ROWS_SHOWN = 8
USELESS, USELESS_STAND_INS = -0.03, -0.3
"""log(error / that of a linear guess), above which no hypothesis explains the pictures."""
WEAK = math.log(0.8)
"""The same, above which it hardly does: weights that are unfinished or damaged look like a little of anything."""
ONE_SET = (
    "There is one set of weights; whether it is the averaged one (EMA) cannot be told from it: that shows only against "
    "the other."
)


def report(facts: ModelFacts, found: Found, asked: Asked) -> Probed:
    """The table and the verdicts."""
    best = found.scores[found.best]
    least, own = float(best.mean()), asked.known.own
    useless = least > (USELESS if own else USELESS_STAND_INS)
    verdicts = [] if useless else verdicts_on(facts, found, asked)
    return Probed(
        _rows(found),
        tuple(verdicts),
        (_useless_sentence(own) if useless else _sentence(verdicts) + (_doubt(least) if least > WEAK else "")),
        asked.known.title,
        asked.calls,
        () if useless else (*_choices(found.weights, "weights", facts.weights), *_offset_choices(facts, found)),
        "" if facts.weight_sets else ONE_SET,
    )


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
                range_text(hypothesis.value_range),
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
    return _choices(found.offsets, "time_offset", facts.time_input.offset, signed)


def _useless_sentence(own: bool) -> str:
    if own:
        return (
            "No hypothesis explains the model's own samples better than a linear guess: its weights are untrained or "
            "damaged, or were trained on something else. The probe cannot tell which."
        )
    return (
        "No hypothesis explains these pictures better than a linear guess, so the probe cannot tell: give a "
        "picture like those that the model was trained on."
    )


def _doubt(least: float) -> str:
    return (
        f" But even so its error is {math.exp(least):.0%} of a linear guess's: suspect the weights first, which may be "
        "half trained or damaged."
    )


def _sentence(verdicts: list[Verdict]) -> str:
    wrong = [verdict.sentence for verdict in verdicts if verdict.certainty == "contradicts"]
    if wrong:
        return " ".join(wrong)
    unclear = [ROWS[verdict.key] for verdict in verdicts if verdict.certainty == "unclear"]
    rest = f" The probe cannot tell: {', '.join(unclear)}." if unclear else ""
    return f"The network behaves as its files say.{rest}"


def _time(time: TimeInput) -> str:
    """What the network is told, in a word."""
    words = ["reversed"] if time.reversed else []
    words += [f"× {time.scale:g}"] if time.scale != 1 else []
    return ", ".join(words) or "as stated"
