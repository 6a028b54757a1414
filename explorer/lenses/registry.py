"""Every lens the program offers, in the order of its menu."""

from __future__ import annotations

from explorer.lenses import cond, eps, error, guidance, guided, histogram, path, score, spectrum, uncond, v, x0, x_t
from explorer.lenses.base import Lens

_MODULES = (x_t, x0, eps, score, v, error, cond, uncond, guided, guidance, spectrum, histogram, path)
LENSES: dict[str, Lens] = {module.LENS.name: module.LENS for module in _MODULES}
