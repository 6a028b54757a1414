"""Words from files of unknown origin, made safe to show: on one line, in the order in which they are written."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from explorer.facts import ModelFacts

_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of the text around it: a name can look like another one, and so can what follows it."""
_UNSEEN = ("Cc", "Cs", "Zl", "Zp")
"""Controls (a terminal obeys them), halves of letters (names of files that are no text), ends of lines."""


def plain_text(text: str) -> str:
    """The text with a space, or the mark of an unknown letter, in place of what is not to be shown."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(letter: str) -> str:
    if letter.isspace():
        return " "
    return "�" if letter in _TURNING or unicodedata.category(letter) in _UNSEEN else letter


def plain_facts(facts: ModelFacts) -> ModelFacts:
    """The facts with all words in them safe to show. The path stays as it is."""
    evidence = tuple(
        replace(fact, value=plain_text(fact.value), where=plain_text(fact.where), instead=plain_text(fact.instead))
        for fact in facts.evidence
    )
    return replace(
        facts,
        title=plain_text(facts.title),
        summary=plain_text(facts.summary),
        class_names=tuple(map(plain_text, facts.class_names)),
        evidence=evidence,
        warnings=tuple(map(plain_text, facts.warnings)),
    )
