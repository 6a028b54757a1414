"""Facts that the user sets, and the probe of the network: kept in the card, and the model opened with them again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from explorer.engine.frame import Frame
from explorer.engine.probe_frame import Probed, Probing
from explorer.facts import ModelError
from explorer.formats.overrides import OverrideSource, read_overrides
from explorer.formats.registry import find, set_facts
from explorer.formats.setting_text import read_value
from explorer.request import ModelRef, Probe
from explorer.ui.job import Job
from explorer.ui.runner import Runner
from explorer.ui.session import Session


@dataclass(frozen=True)
class _Kept:
    """path: of the model. card: the file that was written. before: what was said earlier of the same facts, by whom."""

    path: str
    card: str
    before: dict[str, Any]
    source: OverrideSource


def _keep(path: str, changes: dict[str, Any], source: OverrideSource) -> _Kept:
    """Write facts into the card. Raises ModelError."""
    _, place = find_model(path)
    said = read_overrides(place)
    before = {key: said.values.get(key) for key in changes}
    sources = {said.sources[key] for key in changes if key in said.sources}
    return _Kept(path, str(set_facts(path, changes, source)), before, next(iter(sources), "user"))


class ModelSettings(QObject):
    """Between the panel, the card and the session. What is on show is asked for again with what was set."""

    kept = Signal(str)
    """Where the card was written."""
    refused = Signal()
    """What was wanted is no value of the fact, or the model cannot be opened with it."""
    probed = Signal(object)
    """A Probed."""
    progressed = Signal(float, str)
    dropped = Signal()
    """What was found was of another model."""

    def __init__(self, runner: Runner, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.job = Job(runner, "probe", self)
        """The probe, which gives nothing where it is stopped."""
        self.job.answered.connect(self._take)
        self._before: tuple[str, dict[str, Any], OverrideSource] | None = None
        """What to take back where the model cannot be opened."""
        self._step: int | None = None
        """Of the run that was on show."""
        self._path = ""
        session.opened.connect(lambda _: self._go_on())
        session.openingEnded.connect(self._take_back)

    def set_fact(self, key: str, value: Any, source: OverrideSource = "user") -> None:
        """Keep a fact and open the model with it. value: text, a value as a card has it, or None: the model's own."""
        try:
            self.set_facts({key: read_value(key, value) if isinstance(value, str) else value}, source)
        except ModelError as error:
            self._refuse(str(error))

    def set_facts(self, changes: dict[str, Any], source: OverrideSource = "user") -> None:
        """Several facts at once."""
        facts = self._session.facts
        if facts is not None:
            question = partial(_keep, facts.path, changes, source)
            self._session.inquiry.ask("facts", question, self._open_again, self._refuse)

    def use(self, found: Probed) -> None:
        """Keep what a probe found to be otherwise."""
        self.set_facts({v.key: v.value for v in found.contradictions if v.value is not None}, "probed")

    def _open_again(self, kept: _Kept) -> None:
        """What was set is in the card."""
        session = self._session
        self.job.stop()
        self._before = (kept.path, kept.before, kept.source)
        self._step = session.state.step if session.state.source == "reverse" and session.run is not None else None
        self.kept.emit(kept.card)
        session.open(kept.path)

    def _refuse(self, sentence: str) -> None:
        self._session.failed.emit(sentence)
        self.refused.emit()

    def probe(self, pictures: str | None = None) -> None:
        """Probe the open model. pictures: a folder of some to use in place of the model's samples.

        A model that has no samples is probed with the picture of the user's own, where one is on show.
        """
        state, facts = self._session.state, self._session.facts
        if state.model is None or facts is None or self.job.running:
            return
        self._session.pause()
        ref = ModelRef(state.model, state.device)
        if pictures is None and not facts.sample_count:
            pictures = state.picture
        self.job.begin(Probe(ref, pictures))

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, Probing):
            self.progressed.emit(frame.fraction, frame.doing)
        elif isinstance(frame, Probed):
            self.probed.emit(frame)

    def _go_on(self) -> None:
        """The model is open again: make the run that was on show anew, up to the same step."""
        self._before, step, self._step = None, self._step, None
        facts = self._session.facts
        if facts is not None and facts.path != self._path:
            self._path = facts.path
        self.dropped.emit()
        if step is not None:
            QTimer.singleShot(0, lambda: self._session.run_to(step))

    def _take_back(self) -> None:
        """It could not be opened, or nobody wanted to wait: what is on show is the model as it was."""
        if self._before is None:
            return
        (path, values, source), self._before, self._step = self._before, None, None
        try:
            set_facts(path, values, source)
        except ModelError as error:
            self._session.failed.emit(str(error))
        self.refused.emit()


def find_model(path: str) -> tuple[Any, Any]:
    """The format and the place of a model. Raises ModelError."""
    from pathlib import Path

    try:
        return find(Path(path))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
