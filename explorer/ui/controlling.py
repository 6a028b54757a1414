"""How a session follows the controls of the workspace; the other direction is `showing.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.ui.session import Session
from explorer.ui.workspace import Workspace

if TYPE_CHECKING:
    from explorer.ui.curves import Curves


def connect_controls(session: Session, workspace: Workspace) -> None:
    """The timeline and the choices."""
    timeline, choices = workspace.timeline, workspace.choices
    timeline.timeChosen.connect(session.set_time)
    timeline.stepChosen.connect(session.set_time_or_step)
    timeline.playClicked.connect(session.toggle_play)
    timeline.stepClicked.connect(session.step)
    timeline.backClicked.connect(session.back)
    timeline.resetClicked.connect(session.reset)
    timeline.paceChosen.connect(session.set_pace)
    timeline.branchClicked.connect(session.branch)
    timeline.backwardsToggled.connect(session.set_backwards)
    timeline.loopToggled.connect(session.set_loop)
    timeline.tree.chosen.connect(session.show_run)
    timeline.tree.neighbourChosen.connect(session.show_neighbour)
    choices.changed.connect(lambda changes: session.change(**changes))
    choices.parameterChanged.connect(session.set_parameter)
    choices.redrawClicked.connect(session.redraw_noise)


def connect_plots(session: Session, curves: Curves) -> None:
    """The plots, which are made after the window has been painted."""
    curves.timeChosen.connect(session.set_time)
    curves.stepChosen.connect(session.set_step)
    curves.scheduleChosen.connect(session.set_schedule)
