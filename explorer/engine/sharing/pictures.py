"""`.png`: the tiles of the step on show."""

from __future__ import annotations

from typing import BinaryIO

from explorer.engine.sharing.material import AnyMaterial, Saving
from explorer.engine.sharing.sheet import Sheet


def write(material: AnyMaterial, file: BinaryIO) -> Saving:
    """The chosen tiles in a grid, labelled."""
    seen = yield from material.seen()
    Sheet().draw(seen).save(file, "PNG")
