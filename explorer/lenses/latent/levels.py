"""What each level decides: a row for each, in which it is kept with all above it, and all below is redrawn."""

from __future__ import annotations

from explorer.facts import subscript
from explorer.lenses.drawable import Drawable
from explorer.lenses.latent.base import LatentLens, LatentView, sheet
from explorer.lenses.latent.redraws import pixels, redrawn

COLUMNS = 8


def draw(view: LatentView) -> Drawable:
    known = sorted(view.rungs, reverse=True)
    rows = [
        redrawn(view, t, view.rungs[t][:1], COLUMNS) if t > 1 else pixels(view, view.rungs[1][:1], COLUMNS)
        for t in known
    ]
    return sheet(rows, "at the left: what is kept", tuple(f"z{subscript(t)}" for t in known))


LENS = LatentLens("levels", "what each level decides", "a row keeps z_t and redraws all below", draw)
