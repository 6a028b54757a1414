"""The menu Try: experiments with Langevin dynamics whose outcome is known, set up and played at one click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtWidgets import QMenu

from explorer.facts import ModelFacts
from explorer.state import State
from explorer.ui.session import Session
from explorer.ui.starting import Start

LENSES = ("x_t", "score", "energy", "shares")
POINTS = 2_000


@dataclass(frozen=True)
class Trial:
    """sentence: what to look at. start: None for the prior. kinds: of the models on which it comes out so; learned:
    on a learned score alone."""

    title: str
    sentence: str
    sampler: str
    steps: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lenses: tuple[str, ...] = LENSES
    start: Start | None = None
    kinds: tuple[str, ...] = ("points", "line")
    learned: bool = False

    def possible(self, facts: ModelFacts | None) -> bool:
        """Whether it comes out so on a model."""
        return facts is not None and facts.kind in self.kinds and not (self.learned and facts.density_known)


TRIALS: tuple[Trial, ...] = (
    Trial(
        "Without the noise: every point ends on a mode",
        "Look at x_t: without the noise term the points climb the score and stop on the modes, instead of filling p.",
        "langevin",
        120,
        {"level": 0.3, "step_size": 0.4, "add_noise": False},
    ),
    Trial(
        "Plain Langevin: the shares are those of the start",
        "Look at shares: what lies far from the start hardly gets a point, the rest what started near it, since the "
        "score between pieces does not know their weights.",
        "langevin",
        200,
        {"level": 0.1, "step_size": 0.3, "add_noise": True},
        start=Start(1.0, 0.2, 0.4),
    ),
    Trial(
        "No noise levels, from far away: lost where there are no data",
        "Look at x_t and score error: far from the data the network was never taught a score at this small noise.",
        "langevin",
        200,
        {"level": 0.03, "step_size": 0.5, "add_noise": True},
        ("x_t", "score", "error_map", "shares"),
        Start(uniform=3.3),
        ("points",),  # on a line there is no place that a path to the data does not go through
        learned=True,
    ),
    Trial(
        "Annealed Langevin: the shares come right",
        "Look at shares while σ falls from level to level: at large noise the points still cross, and the weights "
        "come out right.",
        "annealed_langevin",
        20,
        {"steps_per_level": 20, "step_size": 0.3, "add_noise": True},
    ),
)


def choices(trial: Trial, state: State) -> dict[str, Any]:
    """The fields of the State that a trial sets."""
    return {
        "sampler": trial.sampler,
        "steps": trial.steps,
        "parameters": dict(trial.parameters),
        "lenses": trial.lenses,
        "count": POINTS,
        "label": None,
        "schedule": type(state)().schedule,
    }


def fill_trials_menu(menu: QMenu, session: Session) -> None:
    """Every trial; those that do not come out so on the model that is open are grey."""
    menu.clear()
    menu.setToolTipsVisible(True)
    facts = session.facts
    for trial in TRIALS:
        action = menu.addAction(trial.title)
        action.setToolTip(trial.sentence)
        action.setEnabled(trial.possible(facts))
        action.triggered.connect(
            lambda _=False, trial=trial: session.set_up(choices(trial, session.state), trial.start, trial.sentence)
        )
