"""The channels of x_t one by one: of a latent, colours show three at most."""

from __future__ import annotations

from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Drawable, Image


def draw(view: View) -> Drawable:
    first = numpy32(view.prediction.x_t[:1])
    low, high = view.facts.value_range
    reach = max(abs(low), abs(high))
    return Image(first.swapaxes(0, 1), "signed", (-reach, reach), "of the first sample")


LENS = Lens("channels", "channels of x<sub>t</sub>", "each channel of x_t as a picture of its own", draw, ("latent",))
