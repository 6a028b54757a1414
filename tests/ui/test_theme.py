"""The colours: text stands out from what it lies on, and curves from one another, for every kind of eye."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from explorer.ui.theme import THEMES, Theme

LEAST_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 (AA)."""
GROUNDS = ("window", "surface", "raised", "canvas")
SEEN_BY = {
    "all cones": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
"""What is seen of linear RGB: Machado, Oliveira & Fernandes 2009, severity 1."""
LEAST_APART = 12.0
"""ΔE (CIE 1976) of two curves; about 2 is just seen where both lie side by side."""


def linear(colour: str) -> NDArray[np.float64]:
    """#rrggbb as linear RGB."""
    v = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    dark, light = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Linear RGB as L*, a*, b*, white being D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x = to_xyz @ np.clip(rgb, 0, 1) / (0.9505, 1.0, 1.089)
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_black_on_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_text_can_be_read(theme: Theme) -> None:
    pairs = [(name, ground) for name in ("text", "muted", "accent", "warning", "error") for ground in GROUNDS]
    pairs.append(("on_accent", "accent"))
    found = {pair: contrast(getattr(theme, pair[0]), getattr(theme, pair[1])) for pair in pairs}
    assert {pair: round(value, 2) for pair, value in found.items() if value < LEAST_CONTRAST} == {}
    # The names of the curves are written in their colours.
    assert min(contrast(colour, theme.surface) for colour in theme.series) >= LEAST_CONTRAST


@pytest.mark.parametrize("eye", SEEN_BY)
@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_curves_are_told_apart(theme: Theme, eye: str) -> None:
    seen = [lab(SEEN_BY[eye] @ linear(colour)) for colour in theme.series]
    apart = {(i, j): float(np.linalg.norm(seen[i] - seen[j])) for i, j in itertools.combinations(range(len(seen)), 2)}
    assert {pair: round(value) for pair, value in apart.items() if value < LEAST_APART} == {}
