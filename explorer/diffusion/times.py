"""Which times a sampler visits. All lists descend, end at 0 and speak of t in 1 … T.

"leading", "linspace" and "trailing" are the three spacings of Lin et al. 2024, table 2 (diffusers'
`timestep_spacing`, whose table index is our t − 1).
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Spacing: TypeAlias = Literal["leading", "linspace", "trailing"]
SPACINGS: tuple[Spacing, ...] = get_args(Spacing)


def spaced_times(T: int, steps: int, spacing: Spacing = "leading") -> list[int]:
    """The steps + 1 times of a run, the last being 0. Raises ValueError unless 1 ≤ steps ≤ T."""
    if not 1 <= steps <= T:
        raise ValueError(f"the number of steps must lie between 1 and T = {T}, got {steps}")
    if spacing == "leading":
        ratio = T // steps
        times = [i * ratio + 1 for i in range(steps)][::-1]
    elif spacing == "linspace":
        times = [1 + round(i * (T - 1) / (steps - 1)) for i in range(steps)][::-1] if steps > 1 else [T]
    elif spacing == "trailing":
        times = [round(T - i * T / steps) for i in range(steps)]
    else:
        raise ValueError(f"unknown spacing {spacing!r}; known: {', '.join(SPACINGS)}")
    return [*times, 0]
