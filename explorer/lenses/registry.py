"""Every lens the program offers, in the order of its menu."""

from __future__ import annotations

from explorer.lenses import eps, error, score, v, x0, x_t
from explorer.lenses.base import Lens

LENSES: dict[str, Lens] = {lens.name: lens for lens in (x_t.LENS, x0.LENS, eps.LENS, score.LENS, v.LENS, error.LENS)}
