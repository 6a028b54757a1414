"""Estimates in words and figures. Nothing here knows Qt."""

from __future__ import annotations

import math

from explorer.engine.likelihood_frame import BoundTotals, ScoresMatched, Value

MANY_ERRORS = 3.0
"""Standard errors beyond which two estimates are not said to agree."""


SMALL = 5e-5
"""Below this a power of ten says it shorter."""
MOST_DECIMALS = 4


def number(value: float, digits: int) -> str:
    """With so many decimals, a true minus sign, and no minus before a zero."""
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")


def decimals(error: float, most: int = MOST_DECIMALS) -> int:
    """How many show an error with one figure, or with two where the first is a 1, but no more than `most`."""
    if not 0 < error < math.inf:
        return 2
    power = math.floor(math.log10(error))
    two = error / 10.0**power < 1.95
    return min(max(two - power, 0), most)


def estimate(value: Value, most: int = MOST_DECIMALS) -> str:
    """−2.08 ± 0.09: as many figures as the error allows, no more than `most` decimals; “?” where it is not known."""
    mean, error = value.mean, value.error
    if not math.isfinite(error):
        return f"{number(mean, 2 if abs(mean) < 100 else 0)} ± ?"
    if max(abs(mean), error) < SMALL:
        return _power(mean) if abs(mean) > error or error == 0 else f"0 ± {_power(error)}"
    digits = decimals(error, most)
    if round(error, digits) == 0:
        return number(mean, digits) if abs(mean) >= 1 or error == 0 else f"{mean:.2g}".replace("-", "−")
    return f"{number(mean, digits)} ± {number(error, digits)}"


def agreement(totals: BoundTotals) -> tuple[str, bool]:
    """That both splits are one number, and whether they are within their errors."""
    a, b, apart = totals.matching, totals.consistency, totals.difference
    if not math.isfinite(apart.error):
        return "One sample has no error bars: more are needed to compare the two splits.", True
    errors = apart.errors_from_zero
    agree = errors <= MANY_ERRORS
    both = f"Both splits: (A) {estimate(a.total)}, (B) {estimate(b.total)} nats. "
    between = f"the difference, {estimate(_size(apart))}, is {errors:.1f} standard errors"
    if agree:
        return f"{both}They agree: {between}.{_noise(a.variance, b.variance)}", True
    return f"{both}They should be equal, but {between}: take more samples.", False


def gap(totals: BoundTotals) -> str:
    """How far (A) lies below the exact log p, "" where that is not known."""
    if totals.gap is None or not math.isfinite(totals.gap.error):
        return ""
    size = estimate(_size(totals.gap))
    if totals.gap.mean >= 0:
        return f"(A) lies {size} below the exact log p, as a bound must."
    if totals.gap.errors_from_zero <= MANY_ERRORS:
        return f"(A) lies {size} above the exact log p, within its error."
    return f"(A) lies {size} above the exact log p, which a bound cannot: take more samples."


def matching(found: ScoresMatched) -> tuple[str, bool]:
    """Whether the objectives agree, up to their constants."""
    if found.half_fisher.mean == 0:
        return (
            "This model is the exact score: all three objectives are at their least.",
            True,
        )
    worst = max(row.off.errors_from_zero for row in found.objectives)
    half = f"½F = {estimate(found.half_fisher)}, a score off by {100 * found.relative:.2g} %"
    if worst <= MANY_ERRORS:
        return f"Up to their constants all three agree with {half}, within {worst:.1f} standard errors.", True
    return f"One of them is {worst:.1f} standard errors off {half}: chance once in a while, so try another t.", False


def _noise(a: float, b: float) -> str:
    """Which split is the noisier one. a, b: variances of one draw."""
    if not (a > 0 and b > 0 and math.isfinite(a + b)):
        return ""
    more, name, other = (b / a, "(B)", "(A)") if b >= a else (a / b, "(A)", "(B)")
    return f" One draw of {name} varies {more:.1f} times as much as one of {other}."


def _power(value: float) -> str:
    """2.8e−5."""
    if value == 0:
        return "0"
    mantissa, power = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(power)}".replace("-", "−")


def _size(value: Value) -> Value:
    return Value(abs(value.mean), value.error)
