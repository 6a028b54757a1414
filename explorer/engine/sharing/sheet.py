"""The tiles of one step as one labelled picture, for .png files and for the frames of films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import ceil, sqrt

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont, ImageOps

from explorer.engine.frame import Seen
from explorer.lenses.base import Lens
from explorer.lenses.drawable import Image, Missing, on_show
from explorer.lenses.latent.base import LatentLens
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.lenses.picture import SIDE, blank, picture
from explorer.lenses.registry import LENSES
from explorer.paths import RESOURCES

MARGIN = 12
HEADER = 24
INK, MUTED = "#1b1f26", "#5b6472"
SUBSCRIPTS = {"<sub>t</sub>": "ₜ", "<sub>0</sub>": "₀"}


def lens(name: str) -> Lens | LatentLens:
    """Of whichever family of models. Raises KeyError for an unknown name."""
    return LENSES[name] if name in LENSES else LATENT_LENSES[name]


def plain_label(name: str) -> str:
    """A lens's label without markup."""
    label = lens(name).label
    for markup, sign in SUBSCRIPTS.items():
        label = label.replace(markup, sign)
    return label


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(RESOURCES / "fonts" / "Inter-Medium.otf"), size)


@dataclass(eq=False)
class Sheet:
    """Lays the tiles out. All sheets of one run have one size, also where a lens has nothing to draw at some
    step, or a larger picture at the next."""

    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    def draw(self, seen: Seen) -> Pillow.Image:
        """The tiles of a step in a grid, each under its label, the time in the first line."""
        pictures = {name: self._picture(name, seen) for name in seen.tiles}
        columns = ceil(sqrt(len(pictures))) if len(pictures) != 3 else 3
        rows = ceil(len(pictures) / columns)
        width = max(p.width for p in pictures.values()) + MARGIN
        height = max(p.height for p in pictures.values()) + HEADER + MARGIN
        sheet = Pillow.new("RGB", (columns * width + MARGIN, rows * height + HEADER + MARGIN // 2), "white")
        pen = ImageDraw.Draw(sheet)
        pen.text((MARGIN, 8), _words(seen), MUTED, _font(13))
        for i, (name, one) in enumerate(pictures.items()):
            x, y = MARGIN + i % columns * width, HEADER + i // columns * height
            pen.text((x, y + 3), plain_label(name), INK, _font(15))
            sheet.paste(one, (x, y + HEADER))
        return sheet

    def _picture(self, name: str, seen: Seen) -> Pillow.Image:
        drawable = seen.tiles[name]
        shown, _ = on_show(drawable)
        if isinstance(shown, Missing):
            known: Mapping[str, tuple[int, int]] = self.sizes
            size = known.get(name) or next(iter(known.values()), (SIDE, SIDE))
            return blank(shown.why, size)
        one = picture(drawable)
        if self.sizes.setdefault(name, (SIDE, SIDE) if seen.words else one.size) != one.size:
            one = fitted(one, self.sizes[name], isinstance(shown, Image))
        return one


def fitted(one: Pillow.Image, size: tuple[int, int], sharp: bool) -> Pillow.Image:
    """As large as fits into a size, in the middle of white: the tiles of a chain are as large as their level is.

    sharp: its pixels stay squares.
    """
    method = Pillow.Resampling.NEAREST if sharp else Pillow.Resampling.LANCZOS
    return ImageOps.pad(one, size, method, "white")


def _words(seen: Seen) -> str:
    where = f"t = {seen.t}" if not seen.words else seen.words
    return where if seen.run is None else f"step {seen.step} of {len(seen.times) - 1}    {where}"
