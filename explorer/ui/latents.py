"""What the hand does with a latent chain: numbers of z_t are dragged, and levels drawn anew."""

from __future__ import annotations

import random

from PySide6.QtCore import QObject, Signal

from explorer.request import ByHand
from explorer.state import State
from explorer.ui.session import Session
from explorer.ui.tiles import Tiles

MAPS = ("latent_map",)


class Latents(QObject):
    """Sets `State.by_hand`, which holds for the z_t on show, and forgets it where another is shown.

    A run goes on from what was set as a branch of its own.
    """

    changed = Signal()
    """What can be done has changed."""

    def __init__(self, session: Session, tiles: Tiles, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown = _what_is_shown(session)
        tiles.placed.connect(self._place)
        tiles.numberMoved.connect(self._set_number)
        session.stateChanged.connect(self._follow)
        session.runChanged.connect(self.changed)

    @property
    def open(self) -> bool:
        """True while a latent chain is open."""
        return self._session.facts is not None and self._session.facts.family == "chain"

    @property
    def can_redraw(self) -> bool:
        """True at a level of a run, below which there is something."""
        session = self._session
        return self.open and session.can_branch and session.state.t > 0

    def put_back(self) -> None:
        """z_t as it was drawn."""
        self._set(ByHand())

    def redraw_below(self) -> None:
        """Keep z_t and what is above it, and draw what is below anew: as a branch of the run, played to its end."""
        session = self._session
        if not self.can_redraw:
            return
        session.branch()
        session.change(sampler_seed=random.randrange(10_000))
        session.play()

    def _place(self, lens: str, x: float, y: float) -> None:
        if self.open and lens in MAPS:
            self._set(ByHand((x, y)))

    def _set_number(self, lens: str, number: int, value: float) -> None:
        if not self.open or lens != "z_t":
            return
        before = self._session.state.by_hand
        values = {**dict(before.values), number: value}
        self._set(ByHand(before.place, tuple(sorted(values.items()))))

    def _set(self, by_hand: ByHand) -> None:
        session = self._session
        if session.state.t == 0 and by_hand and session.state.source == "forward":
            session.set_time(1)  # of the picture itself nothing is latent
        if by_hand and session.run is not None and session.state.source == "reverse":
            if session.state.t == 0:
                session.set_step(session.state.step - 1)
            session.run.changed = True  # it goes on with another z: as a branch
        session.change(by_hand=by_hand)
        self.changed.emit()

    def _follow(self) -> None:
        shown = _what_is_shown(self._session)
        if shown != self._shown:
            self._shown = shown
            if self._session.state.by_hand:
                self._session.state = self._session.state.with_changes(by_hand=ByHand())
        self.changed.emit()


def _what_is_shown(session: Session) -> tuple[object, ...]:
    """What a z_t set by hand is about."""
    state: State = session.state
    run = session.run.number if session.run is not None else None
    place = (state.model, state.source, state.t, state.step, run)
    return (*place, state.sample, state.picture, state.noise_seed, state.sampler_seed)
