"""Pure functions of a Scene: what the engine is to be asked, given what is on show."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, TypeVar

from explorer.request import Film, Forward, Look, ModelRef, Prepare, Request, Run
from explorer.state import resolve_look
from explorer.ui.session.scene import Scene

FILM_FRAMES = 33
L = TypeVar("L", Look, Run)


class Submits(Protocol):
    """Takes requests; the answers come by another way."""

    def submit(self, request: Request, dragging: bool = False) -> int:
        """Returns the job's number. dragging: answers to the looks before this one are still welcome."""
        ...


def look_on(scene: Scene) -> Look | None:
    """Ask for what is on show; None before a run has a step to show. Raises ChoiceError."""
    assert scene.facts is not None
    run = scene.run_number
    if scene.state.source == "reverse" and run is None:
        return None
    return beside(scene, replace(resolve_look(scene.state, scene.facts, run), place=scene.place))


def film_on(scene: Scene) -> Film:
    """The filmstrip of a forward view: few samples at times from 0 to T."""
    assert scene.facts is not None
    state, T = scene.state, scene.facts.T
    times = tuple(round(i * T / (FILM_FRAMES - 1)) for i in range(FILM_FRAMES))
    count = 1 if scene.facts.on_grid else min(state.count, 1000)
    return Film(scene.reference, Forward(state.sample, count, state.noise_seed, state.picture), times)


def preparation_for(scene: Scene) -> Prepare:
    """Classifier-free guidance sends each sample through the network twice, as one batch."""
    state = scene.state
    mixed = state.guidance_kind == "classifier-free" and state.guidance_scale not in (0.0, 1.0)
    return Prepare(scene.reference, state.count * (2 if state.label is not None and mixed else 1))


def beside(scene: Scene, request: L) -> L:
    """With the model or run that it is compared with, if any, and the lenses for that; in a run always with x_t."""
    reverse = scene.state.source == "reverse"
    if (second := scene.second) is not None:
        overrides = (("weights", second.weights),) if second.weights else ()
        hidden = reverse and "x_t" not in scene.second_lenses
        names = ("x_t", *scene.second_lenses) if hidden else scene.second_lenses
        reference = ModelRef(second.path, scene.state.device, overrides)
        return replace(request, second=reference, second_own=reverse and scene.second_own, lenses=names)
    if scene.comparing:
        return replace(request, against=scene.compared, lenses=scene.compared_lenses)
    # x_t is what edits begin with, on show or not.
    editable = scene.facts is not None and scene.facts.family == "diffusion"
    without = editable and reverse and "x_t" not in request.lenses
    return replace(request, lenses=("x_t", *request.lenses)) if without else request
