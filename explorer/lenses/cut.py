"""What limiting takes from x̂₀: before minus after."""

from __future__ import annotations

from explorer.lenses.base import Lens, View, joined, numpy32, signed_note
from explorer.lenses.clipped import in_force, note_of
from explorer.lenses.drawable import Drawable, Image

LIMIT = 0.5
"""A quarter of the usual range of the data: what is cut off is small."""


def draw(view: View) -> Drawable:
    limit, applied = in_force(view)
    x0 = view.prediction.x0
    after = limit(x0) if view.prediction.t > 0 else x0
    note = joined(note_of(view, limit, applied), signed_note(view))
    return Image(numpy32(x0 - after), "signed", (-LIMIT, LIMIT), note)


LENS = Lens(
    "cut",
    "Δx̂<sub>0</sub>",
    "x̂₀ before − after it is limited",
    draw,
    kinds=("image", "latent"),
    words="what clipping takes",
)
