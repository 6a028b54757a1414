"""Drawables as pictures in files, without a window: what the command line writes."""

from __future__ import annotations

from functools import cache
from textwrap import wrap

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from explorer.lenses.colour import MAGNITUDE, contact_sheet, packed, table
from explorer.lenses.drawable import (
    Arrows,
    Bars,
    Chart,
    Drawable,
    Fan,
    Field,
    Floats,
    Image,
    Map,
    Missing,
    Points,
    Quantities,
    Slice,
    on_show,
)
from explorer.lenses.shading import map_pixels
from explorer.lenses.splat import splat
from explorer.paths import RESOURCES

SIDE = 384
"""Pixels of a plane; pictures are enlarged by whole numbers up to about this."""
FEW_POINTS = 1000
"""Of so many each is drawn larger."""
MAX_ARROWS = 600
DENSITY_RANGE_NATS = 12.0
PAPER = 0xFFF7F8FA
INK = (27, 31, 38)
FONT_SIZE = 12
MOST_NAMED = 5
"""Curves; of more the names would cover them."""
GROUPS = np.array([0xFFC25A00, 0xFF00736B, 0xFFA23B84, 0xFF7A6F00, 0xFF2F5FC4, 0xFFB04A1F], np.uint32)


def picture(drawable: Drawable) -> Pillow.Image:
    """An RGB picture of what a lens drew; where that is nothing, of what it drew last, or why there is nothing."""
    shown, note = on_show(drawable)
    if shown is not drawable:
        return _of_another_time(picture(shown), note)
    if isinstance(drawable, Missing):
        return blank(drawable.why, (SIDE, SIDE))
    if isinstance(drawable, Image):
        sheet = Pillow.fromarray(contact_sheet(drawable, gap=1 if len(drawable.data) > 1 else 0))
        factor = max(1, SIDE // max(sheet.size))
        return sheet.resize((sheet.width * factor, sheet.height * factor), Pillow.Resampling.NEAREST)
    if isinstance(drawable, Chart):
        return _chart(drawable)
    if isinstance(drawable, Slice):
        return _arrows(_field(drawable))
    if isinstance(drawable, Map):
        return _map(drawable)
    if isinstance(drawable, Bars):
        return _bars(drawable)
    if isinstance(drawable, Quantities):
        return _quantities(drawable)
    if isinstance(drawable, Points):
        return _points(drawable)
    if isinstance(drawable, Fan):
        return _fan(drawable)
    return _arrows(drawable)


def blank(why: str, size: tuple[int, int]) -> Pillow.Image:
    """In place of what there is nothing to see of: the reason, in the middle."""
    ground = Pillow.new("RGB", size, "#e6e9ee")
    lines = wrap(why, max((size[0] - 24) * 2 // FONT_SIZE, 8))
    pen = ImageDraw.Draw(ground)
    pen.multiline_text((size[0] / 2, size[1] / 2), "\n".join(lines), "#5b6472", _font(), "mm", 4, "center")
    return ground


def _of_another_time(one: Pillow.Image, note: str) -> Pillow.Image:
    """Faded, with the note that says of which."""
    faded = Pillow.blend(one.convert("RGB"), Pillow.new("RGB", one.size, "white"), 0.45)
    pen = ImageDraw.Draw(faded)
    at = (8, 6)
    left, top, right, bottom = pen.textbbox(at, note, _font())
    pen.rectangle((left - 4, top - 3, right + 4, bottom + 3), "white")
    pen.text(at, note, "#5b6472", _font())
    return faded


@cache
def _font() -> ImageFont.FreeTypeFont:
    """The built-in one lacks subscripts and true minus signs."""
    return ImageFont.truetype(str(RESOURCES / "fonts" / "Inter-Medium.otf"), FONT_SIZE)


def side_by_side(pictures: list[Pillow.Image], gap: int = 8) -> Pillow.Image:
    """Pictures in one row on white."""
    height = max(p.height for p in pictures)
    row = Pillow.new("RGB", (sum(p.width + gap for p in pictures) - gap, height), "white")
    x = 0
    for p in pictures:
        row.paste(p, (x, 0))
        x += p.width + gap
    return row


def below(rows: list[Pillow.Image], gap: int = 8) -> Pillow.Image:
    """Pictures below each other on white."""
    sheet = Pillow.new("RGB", (max(p.width for p in rows), sum(p.height + gap for p in rows) - gap), "white")
    y = 0
    for p in rows:
        sheet.paste(p, (0, y))
        y += p.height + gap
    return sheet


def _pixels(places: Floats, extent: tuple[float, float, float, float]) -> tuple[Floats, Floats]:
    left, right, bottom, top = extent
    x = (places[:, 0] - left) / (right - left) * SIDE
    y = (top - places[:, 1]) / (top - bottom) * SIDE
    return x.astype(np.float32), y.astype(np.float32)


def _field(plane: Slice) -> Field:
    u, v = np.meshgrid(plane.u, plane.v)
    known = np.isfinite(plane.data).all(axis=2)
    grid, vectors = np.stack([u, v], axis=2)[known], plane.data[known]
    extent = (float(plane.u[0]), float(plane.u[-1]), float(plane.v[0]), float(plane.v[-1]))
    places = np.array([mark[1:] for mark in plane.marks], np.float32).reshape(-1, 2)
    return Field(places, places, grid, vectors, np.ones(len(grid), np.float32), extent)


def _chart(chart: Chart) -> Pillow.Image:
    """The curves, with the ends of the axes in numbers."""
    canvas = Pillow.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(canvas)
    pen.font = _font()
    log = [np.log10 if on else np.asarray for on in chart.log]
    curves = [(line, log[0](line.x), log[1](line.y)) for line in chart.lines if len(line.x)]
    if not curves:
        return canvas
    left, right, bottom, top = chart.extent or (*_ends([x for _, x, _ in curves]), *_ends([y for _, _, y in curves]))
    margin = 28

    def place(x: Floats, y: Floats) -> list[tuple[float, float]]:
        across = margin + (x - left) / (right - left) * (SIDE - 2 * margin)
        up = SIDE - margin - (np.clip(y, bottom, top) - bottom) / (top - bottom) * (SIDE - 2 * margin)
        return [(float(u), float(v)) for u, v in zip(across, up, strict=True)]

    pen.rectangle((margin, margin, SIDE - margin, SIDE - margin), outline=(205, 211, 220))
    for line, x, y in curves:
        colour = _ink(line.colour)
        places = place(x, y)
        if line.dots:
            for u, v in places:
                pen.ellipse((u - 1.5, v - 1.5, u + 1.5, v + 1.5), fill=colour)
        else:
            pen.line(places, fill=colour, width=1 if line.dim else 2)
    (low_x, high_x), (low_y, high_y) = (
        [_end(value, on) for value in ends] for ends, on in zip(((left, right), (bottom, top)), chart.log, strict=True)
    )
    foot = SIDE - margin + 6
    pen.text((margin, foot), low_x, INK)
    pen.text((SIDE / 2, foot), chart.x_label, INK, anchor="ma")
    pen.text((SIDE - margin, foot), high_x, INK, anchor="ra")
    pen.text((margin, 8), chart.y_label, INK)
    pen.text((margin + 4, margin + 3), high_y, INK)
    pen.text((margin + 4, SIDE - margin - 4), low_y, INK, anchor="ld")
    named = {line.name: line.colour for line in chart.lines if line.name and not line.dim}
    for row, (name, series) in enumerate(named.items() if len(named) <= MOST_NAMED else ()):
        pen.text((SIDE - margin - 4, margin + 3 + row * (FONT_SIZE + 3)), name, _ink(series), anchor="ra")
    return canvas


def _end(value: float, log: bool) -> str:
    """Of an axis, in numbers."""
    return f"{10**value if log else value:.3g}".replace("-", "−")


def _quantities(shown: Quantities) -> Pillow.Image:
    """Every number as a bar from 0, with the spread about where it is expected as a line."""
    canvas = Pillow.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(canvas)
    pen.font = _font()
    low, high = _ends([shown.data, shown.centre - shown.spread, shown.centre + shown.spread, np.zeros(1, np.float32)])
    margin = 16
    width = (SIDE - 2 * margin) / max(len(shown.data), 1)

    def y(value: float) -> float:
        return SIDE - margin - (value - low) / (high - low) * (SIDE - 2 * margin)

    for i, (value, centre, spread) in enumerate(zip(shown.data, shown.centre, shown.spread, strict=True)):
        x = margin + (i + 0.5) * width
        top, bottom = sorted((y(0.0), y(float(value))))
        pen.rectangle((x - 0.3 * width, top, x + 0.3 * width, bottom), fill=(0, 115, 107))
        pen.line((x, y(float(centre - spread)), x, y(float(centre + spread))), fill=(194, 90, 0), width=2)
    pen.line((margin, y(0.0), SIDE - margin, y(0.0)), fill=INK)
    return canvas


def _ends(values: list[Floats]) -> tuple[float, float]:
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _points(points: Points) -> Pillow.Image:
    canvas = np.full((SIDE, SIDE), PAPER, np.uint32)
    x, y = _pixels(points.data, points.extent)
    splat(canvas, x, y, points.groups % len(GROUPS), GROUPS, 2 if len(x) > FEW_POINTS else 4)
    drawn = _unpacked(canvas)
    if points.mark is not None:
        (u,), (v,) = _pixels(np.array([points.mark], np.float32), points.extent)
        ImageDraw.Draw(drawn).ellipse((u - 7, v - 7, u + 7, v + 7), outline=INK, width=2)
    return drawn


def _map(drawn: Map) -> Pillow.Image:
    colours = packed("cmocean:ice_r")[:96] if drawn.shades == "density" else packed(MAGNITUDE)
    canvas = map_pixels(drawn, (SIDE, SIDE), colours, 0xFF1B1F26)
    if drawn.points is not None:
        x, y = _pixels(drawn.points, drawn.extent)
        splat(canvas, x, y, np.zeros(len(x), np.uint8), GROUPS, 2)
    return _unpacked(canvas)


def _bars(bars: Bars) -> Pillow.Image:
    """A row for each share: its name, a bar, and a line where it should end."""
    canvas = Pillow.new("RGB", (SIDE, SIDE), "white")
    pen = ImageDraw.Draw(canvas)
    pen.font = _font()
    left, room, row = 84, SIDE - 84 - 52, SIDE / max(len(bars.data), 1)
    longest = max(float(bars.data.max()), float(bars.expected.max()), 1e-6)
    for i, (share, expected, name) in enumerate(zip(bars.data, bars.expected, bars.names, strict=True)):
        colour = _ink(i)
        top, end = row * (i + 0.2), left + room * float(share) / longest
        pen.rectangle((left, top, end, row * (i + 0.8)), fill=colour)
        wanted = left + room * float(expected) / longest
        pen.line((wanted, row * (i + 0.1), wanted, row * (i + 0.9)), fill=INK, width=2)
        pen.text((6, row * (i + 0.5) - 6), name[:12], fill=INK)
        pen.text((max(end, wanted) + 5, row * (i + 0.5) - 6), f"{share:.3f}", fill=INK)
    return canvas


def _ink(group: int) -> tuple[int, int, int]:
    """The colour of a group, red, green and blue."""
    packed = int(GROUPS[group % len(GROUPS)])
    return packed >> 16 & 255, packed >> 8 & 255, packed & 255


def _unpacked(canvas: NDArray[np.uint32]) -> Pillow.Image:
    rgb = np.stack([canvas >> 16 & 255, canvas >> 8 & 255, canvas & 255], axis=2)
    return Pillow.fromarray(rgb.astype(np.uint8))


def _arrows(drawable: Arrows | Field) -> Pillow.Image:
    if isinstance(drawable, Field):
        kept = _every_second(drawable.grid)
        start = drawable.grid[kept]
        vectors = drawable.vectors[kept]
        length = np.maximum(np.hypot(vectors[:, 0], vectors[:, 1]), 1e-12)
        cell = 2 * (drawable.extent[1] - drawable.extent[0]) / np.sqrt(len(drawable.grid))
        tip = (
            start
            + vectors / length[:, None] * np.sqrt(np.minimum(length / np.quantile(length, 0.9), 1.5))[:, None] * cell
        )
        ground = _density(drawable.background)
    else:
        chosen = slice(None, None, max(1, -(-len(drawable.data) // MAX_ARROWS)))
        start = drawable.origins[chosen]
        tip = start + drawable.data[chosen] * np.float32(drawable.scale)
        ground = Pillow.new("RGB", (SIDE, SIDE), "#f7f8fa")
    _draw_arrows(ground, start, tip, drawable.extent, INK)
    return ground


def _every_second(grid: Floats) -> NDArray[np.intp]:
    """Those of the places (m, 2) of a lattice that lie in every second column and row."""
    column, row = (np.unique(ends, return_inverse=True)[1] for ends in grid.T)
    return np.flatnonzero((column % 2 == 0) & (row % 2 == 0))


def _fan(fan: Fan) -> Pillow.Image:
    """Each kind of vector in its colour, with its name in that colour in the corner."""
    ground = Pillow.new("RGB", (SIDE, SIDE), "#f7f8fa")
    draw = ImageDraw.Draw(ground)
    for i, (vectors, name) in enumerate(zip(fan.vectors, fan.names, strict=True)):
        colour = _ink(i)
        _draw_arrows(ground, fan.origins, fan.origins + vectors * np.float32(fan.scale), fan.extent, colour)
        draw.text((6, 4 + 12 * i), name, fill=colour)
    return ground


def _draw_arrows(
    ground: Pillow.Image,
    start: Floats,
    tip: Floats,
    extent: tuple[float, float, float, float],
    colour: tuple[int, int, int],
) -> None:
    draw = ImageDraw.Draw(ground)
    x, y = _pixels(start, extent)
    tip_x, tip_y = _pixels(tip.astype(np.float32), extent)
    for a, b, c, d in zip(x, y, tip_x, tip_y, strict=True):
        draw.line((float(a), float(b), float(c), float(d)), fill=colour)
        draw.ellipse((float(c) - 1, float(d) - 1, float(c) + 1, float(d) + 1), fill=colour)


def _density(background: Floats | None) -> Pillow.Image:
    if background is None:
        return Pillow.new("RGB", (SIDE, SIDE), "#f7f8fa")
    level = ((background[::-1] - background.max()) / DENSITY_RANGE_NATS + 1).clip(0, 1)
    rgb = table("cmocean:ice_r")[(level * 150).astype(np.uint8)]
    return Pillow.fromarray(rgb).resize((SIDE, SIDE), Pillow.Resampling.BICUBIC)
