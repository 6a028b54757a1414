"""What the window has opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from explorer.ui.gallery import Gallery

if TYPE_CHECKING:
    from tests.ui.hand import Hand


def is_gallery(hand: Hand) -> bool:
    return hand.find(Gallery).isVisible()


def is_open(hand: Hand, path: Path) -> bool:
    facts = hand.session.facts
    return facts is not None and Path(facts.path) == path and not is_gallery(hand)
