"""Which lenses are drawn at once with a picture, and which after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from explorer.engine.frame import Drawn, LensSpec
from explorer.facts import ModelError
from explorer.lenses.base import Lens, View, numpy32
from explorer.lenses.drawable import Drawable, Missing
from explorer.lenses.latent.base import LatentLens
from explorer.lenses.latent.registry import LATENT_LENSES
from explorer.lenses.registry import LENSES


def lens_spec(lens: Lens) -> LensSpec:
    """The lens for a menu."""
    return LensSpec(
        lens.name, lens.label, lens.formula, lens.kinds, lens.in_stages is not None, lens.of_place, lens.words
    )


def latent_lens_spec(lens: LatentLens) -> LensSpec:
    """The same of a latent chain's lens."""
    return LensSpec(lens.name, lens.label, lens.formula, ("chain",), words=lens.words)


def drawn_at_once(view: View, names: Sequence[str], running: bool = False) -> tuple[Mapping[str, Drawable], list[Lens]]:
    """The tiles by name, and the lenses that are to follow. Raises ModelError for a name there is no lens of.

    running: nothing follows, since the next step is on its way.
    """
    unknown = [name for name in names if name not in LENSES and name not in LATENT_LENSES]
    if unknown:
        raise ModelError(f"There is no lens called “{unknown[0]}”; known are {', '.join(LENSES)}.")
    chosen = [LENSES[name] for name in names if name in LENSES and view.facts.kind in LENSES[name].kinds]
    tiles = {lens.name: lens.draw(view) for lens in chosen if lens.in_stages is None}
    slow = [lens for lens in chosen if lens.in_stages is not None]
    if running:
        why = "This tile takes a while: it is drawn where the run stands still."
        return tiles | {lens.name: Missing(numpy32(view.prediction.x_t), why) for lens in slow}, []
    return tiles, slow


def drawn_in_stages(view: View, lenses: Sequence[Lens]) -> Iterator[Drawn]:
    """Each lens, as far as it is known."""
    for lens in lenses:
        assert lens.in_stages is not None
        for drawable in lens.in_stages(view):
            yield Drawn({lens.name: drawable})
