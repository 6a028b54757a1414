"""Where the points of the next run start: the prior, or a cloud that the user put somewhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from explorer.ui.session import Session
from explorer.ui.short_text import true_minus
from explorer.ui.tiles import Tiles

CLOUD_STD = 0.15
"""Of a cloud put down with the mouse, as a share of the standard deviation of the prior."""


@dataclass(frozen=True)
class Start:
    """A cloud of points. spread: its standard deviation; uniform: half the side of a square, in place of a cloud."""

    x: float = 0.0
    y: float = 0.0
    spread: float = CLOUD_STD
    uniform: float | None = None

    def points(self, n: int, seed: int, dim: int = 2) -> NDArray[np.float32]:
        """n places, (n, dim); the first of more are the same. dim: 1 on a line, where y means nothing."""
        generator = np.random.Generator(np.random.Philox(seed))
        centre = np.array([self.x, self.y])[:dim]
        if self.uniform is not None:
            return (centre + generator.uniform(-self.uniform, self.uniform, (n, dim))).astype(np.float32)
        return (centre + self.spread * generator.standard_normal((n, dim))).astype(np.float32)

    def __str__(self) -> str:
        if self.uniform is not None:
            return f"anywhere in the square ±{self.uniform:g}"
        return f"around ({self.x:.2f}, {self.y:.2f})".replace("-", "−")


class StartingPoints(QObject):
    """A click or a drag in the tile x_t of a 2-D model puts down the cloud that the next run starts from."""

    changed = Signal()

    def __init__(self, session: Session, tiles: Tiles, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        tiles.placed.connect(self._place)
        session.opened.connect(lambda _: self.forget(restart=False))

    def _place(self, lens: str, x: float, y: float) -> None:
        facts = self._session.facts
        if lens == "x_t" and facts is not None and facts.kind == "points":
            self._session.start_from(
                Start(x, y), true_minus(f"Starts around ({x:.2f}, {y:.2f}); Esc: from the prior again.")
            )
            self.changed.emit()

    def forget(self, restart: bool = True) -> bool:
        """Back to the prior; False where it is the prior already."""
        if self._session.start is None:
            return False
        if restart:
            self._session.start_from(None, "Starts from the prior again.")
        else:
            self._session.start = None
        self.changed.emit()
        return True
