"""The axes of a grid of runs: what can be varied, how its values are written, and the request that follows.

Plain values, as in `explorer.state`: nothing here knows the engine or the window.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable

from explorer.facts import ModelFacts
from explorer.request import Axis, AxisName, AxisValue, Grid, Run
from explorer.state import MAX_POINTS, ChoiceError, State, max_count, resolve_run

MAX_CELLS = 100
"""More would be too small to see, and take too long."""
GRID_PICTURES, GRID_POINTS = 4, 1_000
"""Samples of a cell, unless others are chosen."""
SHOWN_LABELS = 5
"""More labels than that are the user's to ask for."""
NO_LABEL = "none"

TITLES: dict[AxisName, str] = {
    "sampler": "Sampler",
    "steps": "Steps",
    "sampler_seed": "Seed",
    "label": "Label",
    "guidance_scale": "Guidance γ",
    "eta": "η",
    "step_size": "Step size",
}
"""In the order of the menu."""
PARAMETERS: tuple[AxisName, ...] = ("eta", "step_size")
"""Those that are parameters of a sampler, which not every one has."""
DEFAULTS: dict[AxisName, tuple[AxisValue, ...]] = {
    "sampler": ("ddim", "ddpm", "dpmpp_2m", "heun"),
    "steps": (5, 10, 20, 50),
    "sampler_seed": (0, 1, 2, 3),
    "guidance_scale": (0.0, 1.0, 2.0, 4.0),
    "eta": (0.0, 0.3, 0.6, 1.0),
    "step_size": (0.05, 0.1, 0.2, 0.5),
}
_RANGE = re.compile(r"(\d{1,19})\s*(?:-|–|\.\.|…)\s*(\d{1,19})")


def axes_of(facts: ModelFacts, state: State) -> tuple[AxisName, ...]:
    """What can be varied with this model."""
    labels = bool(facts.labels(state.guidance_kind))
    scale = facts.prompted or (labels and (state.guidance_kind == "classifier" or facts.guidable))
    return tuple(n for n in TITLES if (n != "label" or labels) and (n != "guidance_scale" or scale))


def default_text(name: AxisName, facts: ModelFacts, state: State) -> str:
    """The values an axis begins with, as they are written."""
    if name == "label":
        labels = facts.labels(state.guidance_kind)
        return "all" if len(labels) <= SHOWN_LABELS else ", ".join(labels[:SHOWN_LABELS])
    values = DEFAULTS[name]
    if name == "steps":
        values = tuple(steps for steps in values if isinstance(steps, int) and steps <= facts.T) or (facts.T,)
    return ", ".join(value_text(name, value, facts, state) for value in values)


def value_text(name: AxisName, value: AxisValue, facts: ModelFacts, state: State) -> str:
    """A value as it is written, and as it heads a row."""
    if name == "label":
        return NO_LABEL if value is None else facts.labels(state.guidance_kind)[int(value)]
    return str(value) if isinstance(value, int | str) else f"{value:g}"


def read_values(
    name: AxisName, text: str, facts: ModelFacts, state: State, samplers: Collection[str]
) -> tuple[AxisValue, ...]:
    """The values of a list such as “10, 20, 50”; “0–7” is a range of whole numbers, “all” is every label.

    Raises ChoiceError for anything else.
    """
    words = [word.strip() for word in re.split(r"[,;\n]", text) if word.strip()]
    if not words:
        raise ChoiceError(f"{TITLES[name]}: write at least one value, such as “{default_text(name, facts, state)}”.")
    values = (value for word in words for value in _read(name, word, facts, state, samplers))
    return tuple(dict.fromkeys(values))


def _read(name: AxisName, word: str, facts: ModelFacts, state: State, samplers: Collection[str]) -> Iterable[AxisValue]:
    if name == "sampler":
        if word not in samplers and not word.startswith("diffusers:"):
            own = ", ".join(sampler for sampler in samplers if ":" not in sampler)
            raise ChoiceError(f"There is no sampler called “{word[:40]}”; known are {own} and diffusers:CLASSNAME.")
        return (word,)
    if name == "label":
        return _read_label(word, facts.labels(state.guidance_kind))
    if name in ("steps", "sampler_seed"):
        if (ends := _RANGE.fullmatch(word)) is not None:
            first, last = int(ends[1]), int(ends[2])
            if not first <= last < first + MAX_CELLS:
                raise ChoiceError(f"{TITLES[name]}: “{word}” is no range of at most {MAX_CELLS} whole numbers.")
            return range(first, last + 1)
        if not re.fullmatch(r"\d{1,20}", word):
            raise ChoiceError(f"{TITLES[name]}: “{word[:40]}” is not a whole number.")
        return (int(word),)
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not abs(value) <= 1e300:
        raise ChoiceError(f"{TITLES[name]}: “{word[:40]}” is not a number; write decimals with a point.")
    return (value,)


def _read_label(word: str, names: tuple[str, ...]) -> Iterable[AxisValue]:
    if word.casefold() == "all":
        return range(len(names))
    if word.casefold() == NO_LABEL:
        return (None,)
    folded = [name.casefold() for name in names]
    if word.casefold() in folded:
        return (folded.index(word.casefold()),)
    ends = _RANGE.fullmatch(word)
    if ends is not None and int(ends[1]) <= int(ends[2]) < len(names):
        return range(int(ends[1]), int(ends[2]) + 1)
    if word.isdecimal() and int(word) < len(names):
        return (int(word),)
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    raise ChoiceError(f"There is no label “{word[:40]}”; write all, none, or some of {shown}.")


def cell_state(state: State, chosen: Iterable[tuple[AxisName, AxisValue]]) -> State:
    """The state with the values of a cell in place of its own."""
    for name, value in chosen:
        if name in PARAMETERS:
            state = state.with_changes(parameters={**state.parameters, name: value})
        else:
            state = state.with_changes(**{name: value})
    return state


def resolve_grid(state: State, facts: ModelFacts, rows: Axis, columns: Axis, count: int) -> Grid:
    """The Grid of runs that begin with the same x_T, `count` samples each, unless the seed is varied.

    A cell that the model cannot honour holds the reason instead. Raises ChoiceError where that is so of all, and for
    an impossible grid.
    """
    names = (rows.name, columns.name)
    if names[0] == names[1]:
        raise ChoiceError(f"Rows and columns vary the same thing, {TITLES[names[0]]}: choose another for one of them.")
    if "guidance_scale" in names and "label" not in names and state.label is None:
        raise ChoiceError("Without a label guidance changes nothing: choose one, or let the other axis be the label.")
    cells = len(rows.values) * len(columns.values)
    if cells > MAX_CELLS:
        raise ChoiceError(f"A grid has at most {MAX_CELLS} cells, not {cells:,}: write fewer values.")
    most = max_count(facts) if facts.on_grid else MAX_POINTS
    if not 1 <= count <= most:
        raise ChoiceError(f"A cell has between 1 and {most:,} samples, not {count:,}.")
    base = state.with_changes(count=count, lenses=())
    runs = tuple(
        tuple(_cell(cell_state(base, ((rows.name, row), (columns.name, column))), facts) for column in columns.values)
        for row in rows.values
    )
    reasons = [cell for line in runs for cell in line if isinstance(cell, str)]
    if len(reasons) == cells:
        raise ChoiceError(reasons[0])
    model = next(cell.model for line in runs for cell in line if isinstance(cell, Run))
    return Grid(model, rows, columns, runs)


def _cell(state: State, facts: ModelFacts) -> Run | str:
    try:
        return resolve_run(state, facts, run=0)
    except ChoiceError as error:
        return str(error)
