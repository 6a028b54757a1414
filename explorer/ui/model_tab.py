"""The tab “Model”, joined to what keeps facts and probes the network; and the strip above the window."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from explorer.engine.frame import Opened
from explorer.ui.job import Job
from explorer.ui.model_panel import ModelPanel
from explorer.ui.model_settings import ModelSettings
from explorer.ui.probe_strip import ProbeStrip
from explorer.ui.runner import Runner
from explorer.ui.session import Session
from explorer.ui.side_panel import SidePanel
from explorer.ui.weights_choice import WeightsChoice


class ModelTab(QObject):
    """began: the user started something."""

    began = Signal()

    def __init__(self, runner: Runner, session: Session, side: SidePanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._panel = panel = ModelPanel()
        self.strip: QWidget = (strip := ProbeStrip())
        self._settings = settings = ModelSettings(runner, session, self)
        side.add(panel, "Model", "What is known of the model and how; set facts, probe the network")
        probe = panel.probe
        session.opened.connect(self._show_model)
        session.inspected.connect(panel.show_opening)
        session.openingEnded.connect(lambda: panel.set_facts(session.facts))
        for signal in (panel.factSet, probe.probeClicked, probe.folderChosen, probe.useClicked, strip.useClicked):
            signal.connect(self.began)
        panel.factSet.connect(settings.set_fact)
        settings.refused.connect(panel.show_again)
        settings.kept.connect(panel.set_kept)
        probe.probeClicked.connect(settings.probe)
        probe.folderChosen.connect(settings.probe)
        strip.tableClicked.connect(lambda: side.setCurrentWidget(panel))
        probe.stopClicked.connect(settings.job.stop)
        for used in (probe.useClicked, strip.useClicked):
            used.connect(settings.use)
        settings.progressed.connect(probe.row.set_progress)
        settings.job.runningChanged.connect(probe.set_running)
        for shown in (probe.show_probed, strip.show_probed):
            settings.probed.connect(shown)
        for dropped in (probe.drop, strip.drop):
            settings.dropped.connect(dropped)

    def add_weights_choice(self, choice: WeightsChoice) -> None:
        """A list of the sets of weights elsewhere in the window."""
        choice.chosen.connect(self.began)
        choice.chosen.connect(self._settings.set_fact)
        self._settings.refused.connect(lambda: choice.set_facts(self._session.facts))

    @property
    def job(self) -> Job:
        """The probe."""
        return self._settings.job

    def _show_model(self, opened: Opened) -> None:
        self._panel.set_facts(opened.facts)
