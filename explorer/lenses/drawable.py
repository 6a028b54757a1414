"""What a lens returns: numbers to draw, in numpy, without any drawing. `data` is the array on show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Palette: TypeAlias = Literal["data", "signed", "magnitude"]
"""data: grey or RGB as the data is; signed: diverging about 0; magnitude: sequential from 0."""


@dataclass(frozen=True, eq=False)
class Image:
    """A batch of pictures. data: (n, channels, height, width). limits: the values at the palette's ends.

    note: a few words for the tile's header, "" for none. rows: written left of a single picture, which is made of as
    many rows of one height.
    """

    data: Floats
    palette: Palette
    limits: tuple[float, float]
    note: str = ""
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Points:
    """data: (n, 2). groups: (n,) small integers that colour the points. extent: left, right, bottom, top to show.

    caption: what the picture means, in a few words. names: of the groups, written in place of the dots. mark: a place
    to point out.
    """

    data: Floats
    groups: NDArray[np.uint8]
    extent: tuple[float, float, float, float]
    caption: str = ""
    note: str = ""
    names: tuple[str, ...] = ()
    mark: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Arrows:
    """data: (n, 2), a vector at each of origins (n, 2). scale: plot units an arrow of length 1 is drawn with."""

    data: Floats
    origins: Floats
    groups: NDArray[np.uint8]
    extent: tuple[float, float, float, float]
    scale: float
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Fan:
    """Several named vectors at each place. data: (n, 2), the array on show.

    origins: (m, 2) places; vectors: (k, m, 2), the k vectors at each; names: of the k, in words. scale: plot units
    an arrow of length 1 is drawn with.
    """

    data: Floats
    origins: Floats
    vectors: Floats
    names: tuple[str, ...]
    extent: tuple[float, float, float, float]
    scale: float
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Field:
    """A vector field. data: (n, 2) its values at the samples `origins` (n, 2).

    grid, vectors: (m, 2) places and values on a lattice. certain: (m,) in [0, 1], how much to trust each
    (arrows where there is no data are faded). background: (rows, columns) of a log density in nats over the
    extent, row 0 at the bottom, or None.
    """

    data: Floats
    origins: Floats
    grid: Floats
    vectors: Floats
    certain: Floats
    extent: tuple[float, float, float, float]
    background: Floats | None = None
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Line:
    """A curve of a Chart. x, y: (n,), finite. colour: its place in the theme's series.

    dim: behind the others. dots: no curve. dash: so that a curve below shows.
    """

    name: str
    x: Floats
    y: Floats
    colour: int = 0
    dim: bool = False
    dots: bool = False
    dash: bool = False


@dataclass(frozen=True, eq=False)
class Chart:
    """Curves with axes of their own. data: the numbers that matter. log: (x, y) axes. mark: a place to point out."""

    data: Floats
    lines: tuple[Line, ...]
    x_label: str
    y_label: str
    log: tuple[bool, bool] = (False, False)
    mark: tuple[float, float] | None = None
    equal: bool = False
    """Both axes in the same units."""
    extent: tuple[float, float, float, float] | None = None
    """left, right, bottom, top to show; None for as much as the curves need."""
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Slice:
    """A vector field on a plane through the space of the data.

    data: (rows, columns, 2), the vectors' parts in the plane, NaN where they are not known yet; row 0 is the bottom.
    u, v: (columns,) and (rows,), the places. divergence: (rows, columns), of those parts along the plane. marks: names
    and places (u, v) of what lies in the plane. labels: of the axes.
    """

    data: Floats
    u: Floats
    v: Floats
    divergence: Floats
    marks: tuple[tuple[str, float, float], ...]
    labels: tuple[str, str]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Map:
    """Numbers over the plane, as shades in bands. data: (rows, columns), row 0 at the bottom of the extent.

    limits: the values at the ends of the shades; beyond them they are cut off. bands: how many shades. outline:
    (rows, columns) whose lines at `levels` are drawn over it, None for none. points: (n, 2) places shown as dots.
    """

    data: Floats
    extent: tuple[float, float, float, float]
    limits: tuple[float, float]
    shades: Literal["density", "magnitude"]
    bands: int
    outline: Floats | None = None
    levels: tuple[float, ...] = ()
    points: Floats | None = None
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Bars:
    """Shares that add up to 1, each beside what it should be. data, expected: (k,). names: of the k.

    errors: (k,) one standard error of each share.
    """

    data: Floats
    expected: Floats
    errors: Floats
    names: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Quantities:
    """Numbers with names. data: (k,). centre, spread: (k,), where each is expected, ± how much. names: of the k.

    movable: the user can set them. unit: written behind them.
    """

    data: Floats
    centre: Floats
    spread: Floats
    names: tuple[str, ...]
    movable: bool = False
    unit: str = ""
    caption: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Missing:
    """Nothing to draw, and why. data: of the shape that would be on show.

    last: what there was to draw at the last time that had it, `last_t`: a run's last step, t = 1 of a forward view;
    None for nothing.
    """

    data: Floats
    why: str
    note: str = ""
    last: Drawable | None = None
    last_t: float = 0.0


Drawable: TypeAlias = Image | Points | Arrows | Fan | Field | Chart | Map | Bars | Slice | Quantities | Missing


def seen_last(drawable: Drawable, before: Drawable | None, t: float) -> Drawable:
    """Where there is nothing to draw: with what there was before, at the time t, if there was something."""
    if not isinstance(drawable, Missing) or before is None or isinstance(before, Missing):
        return drawable
    return replace(drawable, last=before, last_t=t)


def on_show(drawable: Drawable) -> tuple[Drawable, str]:
    """What stands where there is nothing to draw but was before, with a note that says so; else the drawable itself
    and its own note."""
    if not isinstance(drawable, Missing) or drawable.last is None or isinstance(drawable.last, Missing):
        return drawable, drawable.note
    return drawable.last, f"at t = {drawable.last_t:g}; none at t = 0"
