"""Measurements, one file each: `python -m explorer.bench [NAME …] [--json]`.

Machines are noisy, so every line is a ratio or a cost per frame taken within one run, beside the limit it is
meant to stay under. Nothing here is a test.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured number. limit: what it should stay under, None for a number that only informs."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def within(self) -> bool | None:
        """Whether the limit holds, None without one."""
        return None if self.limit is None else self.value <= self.limit


def percentile(values: list[float], share: float) -> float:
    """The value below which a share (0 … 1) of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def say(text: str) -> None:
    """A word on how far a long measurement has come, beside the results: on stderr, one line that is written over."""
    print(f"\r\033[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n", file=sys.stderr)
    sys.stderr.flush()
