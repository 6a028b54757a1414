"""Words for places of any width: subscripts as one writes them, and shorter ways to say the same."""

from __future__ import annotations

import math
import re

CLAUSES = ("; ", ", ", " = ")
"""What ends a clause of a caption or a formula."""
LEAST = 5
"""Characters of a shorter form: what stands left of the first “=” of a formula is mostly the tile's title again."""

CAPTION_CLAUSES = (*CLAUSES, " over ", " to ")
"""The same of a caption, whose last words say more about what comes before."""

_STEP = re.compile(r"([xz])_\{t([−+])1\}")
_AT_T = re.compile(r"([xz])_t(?![A-Za-z0-9_])")
_SUBSCRIPT = re.compile(r"<sub>(.*?)</sub>")
_BELOW = {"t": "ₜ", "0": "₀", "1": "₁"}
_SIGN = {"−": "₋", "+": "₊"}


def typeset(text: str) -> str:
    """x_t as xₜ and z_{t−1} as zₜ₋₁: what plain text has letters for."""
    if "_" not in text:
        return text
    text = _STEP.sub(lambda found: f"{found[1]}ₜ{_SIGN[found[2]]}₁", text)
    return _AT_T.sub(r"\1ₜ", text)


def number_forms(text: str) -> list[str]:
    """What is left of a text when words are dropped from its beginning, as long as a number is left in it: “relative
    error 3.4%” can be said as “3.4%”. One that begins with a number loses words from its end: “60 of 5,000 samples” can
    be said as “60 of 5,000”."""
    words = text.split(" ")
    if any(letter.isdigit() for letter in words[0]):
        heads = [words[:i] for i in range(len(words) - 1, 0, -1)]
        return [" ".join(head) for head in heads if any(letter.isdigit() for letter in head[-1])]
    tails = [" ".join(words[i:]) for i in range(1, len(words))]
    return [tail for tail in tails if any(letter.isdigit() for letter in tail)]


def plain(label: str) -> str:
    """A label in rich text for a place without any, such as a list: x̂<sub>0</sub> as x̂₀."""
    return _SUBSCRIPT.sub(lambda found: _BELOW.get(found[1], f"_{found[1]}"), label)


def true_minus(text: str) -> str:
    """Numbers with “−” in place of the hyphen that Python writes."""
    return text.replace("-", "−")


def figures(value: float) -> str:
    """A number in three figures: 1.84, 4.65e3, 1.2e−5, ∞."""
    if value in (math.inf, -math.inf):
        return "∞" if value > 0 else "−∞"
    mantissa, mark, power = f"{value:.3g}".partition("e")
    return true_minus(mantissa + (f"e{int(power)}" if mark else ""))


def capital(text: str) -> str:
    """Words of a list as its entry: with a capital, unless they begin with a symbol of one letter."""
    return text[:1].upper() + text[1:] if re.match(r"[a-z][a-z]", text) else text


def shorter_forms(text: str, ends: tuple[str, ...] = CLAUSES) -> list[str]:
    """The text, and what is left of it when clauses are dropped from its end one by one; the longest first.

    Clauses end at one of `ends` outside of brackets: “5,000 points, coloured by label” can be said as “5,000 points”.
    """
    forms, depth = [text], 0
    cuts: list[int] = []
    whole = False  # a clause has ended: what follows is a remark, whose “=” is not the formula's
    for i, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        end = next((end for end in ends if text.startswith(end, i)), "")
        if depth == 0 and end and not (whole and "=" in end):
            cuts.append(i)
            whole = whole or "=" not in end
    forms += [text[:cut].rstrip(",;") for cut in reversed(cuts) if cut >= LEAST]
    return forms
