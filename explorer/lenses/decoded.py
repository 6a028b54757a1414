"""Latents as the pictures they stand for, by the autoencoder that the model was trained in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch import Tensor

from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Drawable, Floats, Image, Missing

LIMITS = (-1.0, 1.0)
"""Of the autoencoder's pictures."""


def decoded_lens(name: str, label: str, formula: str, latents: Callable[[View], Tensor]) -> Lens:
    """A lens that decodes what `latents` picks out of a view. Decoding may take seconds, so it comes in stages."""

    def stages(view: View) -> Iterator[Drawable]:
        x = latents(view)
        if view.decode is None:
            yield Missing(numpy32(x), "This model works on the pictures themselves: there is nothing to decode.")
            return
        pictures: list[Floats] = []
        for done in range(1, len(x) + 1):
            pictures.append(numpy32(view.decode(x[done - 1 : done])))
            grey = [np.zeros_like(pictures[0])] * (len(x) - done)
            note = "" if done == len(x) else f"{done} of {len(x)}"
            yield Image(np.concatenate([*pictures, *grey]), "data", LIMITS, note)

    def draw(view: View) -> Drawable:
        *_, last = stages(view)
        return last

    return Lens(name, label, formula, draw, ("latent",), stages)
