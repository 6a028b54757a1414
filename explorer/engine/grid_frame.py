"""What the engine answers about a grid of runs. Frames as those of `frame.py`: numpy arrays at most."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.lenses.drawable import Floats


@dataclass(frozen=True)
class Measure:
    """What a quality number is. name: in two or three words. words: what it says, in whole sentences.

    unit: "%" for a share, which is then between 0 and 1; "" for a plain number.
    """

    name: str
    words: str
    higher_is_better: bool
    unit: str = ""


@dataclass(frozen=True, eq=False)
class GridCell:
    """The end of one run. A cell comes again when its quality becomes known, or changes with the reference.

    x: (n, …), the last x of the run; None where it failed. network_calls: how many it took to make x; the look at the
    model with which an ordinary run ends is not among them. seconds: of this run alone. quality: None where there is
    nothing to measure it by. reference: the others are measured by this one. error: one sentence, "" where it worked.
    beside_the_point: nothing went wrong, but what the grid varies is nothing to this sampler; `error` says so.
    """

    row: int
    column: int
    x: Floats | None = None
    network_calls: int = 0
    seconds: float = 0.0
    quality: float | None = None
    measure: Measure | None = None
    reference: bool = False
    error: str = ""
    beside_the_point: bool = False


@dataclass(frozen=True)
class GridProgress:
    """A step was made. done: cells that are finished, of `cells`. fraction: 0 … 1 of all work, as planned."""

    done: int
    cells: int
    fraction: float
