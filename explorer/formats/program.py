"""Networks that are programs: TorchScript and torch.export (.pt2) files, and adapters in Python.

An adapter is a file adapter.py, by itself or in a folder, with load(folder) → a network, and FACTS (see
`program_facts.py`). Facts are read without running anything; the program runs when the model is loaded, and only if
the user agreed to this very content (see `trust.py`).

A network is called as network(x, time) or, with labels, network(x, time, labels): x (n, …), time (n,), labels (n,).
"""

from __future__ import annotations

import runpy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError, ModelFacts, NamedSchedule
from explorer.formats import trust
from explorer.formats.card import read_card
from explorer.formats.corrections import PARSERS, Corrections, parse_overrides
from explorer.formats.diffusers_import import complete
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.program_facts import ADAPTER, KINDS, ProgramFacts, program_kind, read_program_facts
from explorer.formats.samples import card_samples
from explorer.formats.schedule_names import make_schedule
from explorer.formats.single_file import Context, Plan, ScheduleSpec, facts_of

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import nn

    from explorer.formats.model import Model

USUAL = NamedSchedule("linear")
USUAL_T = 1000


class Programs:
    """The Format of such files."""

    name = "program"

    def sniff(self, path: Path) -> float:
        if path.is_dir():
            return 0.3 if (path / ADAPTER).is_file() else 0.0
        return 0.6 if program_kind(path) else 0.0

    def inspect(self, path: Path, overrides: Mapping[str, Any]) -> ModelFacts:
        file = _file(path)
        kind = program_kind(file)
        evidence, card = Evidence(), read_card(path)
        evidence.warnings.extend(card.warnings)
        context = Context(evidence, card.corrections, parse_overrides(overrides))
        said = read_program_facts(file, kind)
        stated = _stated(said)
        title = context.choose("title", "title", Candidate(stated.title, "file", said.where), default=path.stem)
        evidence.add("network", KINDS[kind], "file", file.name)
        evidence.add("shape", "×".join(map(str, said.shape)), "file", said.where)
        evidence.add("time input", said.time_input, "file", said.where)
        schedule, T = stated.schedule or USUAL, stated.T or USUAL_T
        if stated.schedule is None and card.corrections.schedule is None:
            evidence.warn(f"Nothing says which noise schedule the network was trained on: {schedule} is taken.")
        plan = _plan(said, stated, schedule, T)
        facts = facts_of(self.name, path, title, plan, card, context)
        return replace(facts, program=KINDS[kind], schedule_numbers=schedule)

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        from explorer.diffusion.denoiser import NetworkDenoiser
        from explorer.formats.model import Model
        from explorer.formats.program_call import ProgramCall

        file = _file(path)
        kind = program_kind(file)
        trust.check(file, KINDS[kind])
        said = read_program_facts(file, kind)
        stated = _stated(said)
        schedule = make_schedule(stated.schedule or USUAL, stated.T or USUAL_T)
        network = _network(file, kind, device)
        no_label = (facts.null_label or 0) if facts.conditional else None
        call = ProgramCall(network, schedule, said.time_input, said.shape, no_label, file.name)
        facts, samples = card_samples(path, facts) if facts.on_grid else (facts, _no_points())
        return Model(facts, NetworkDenoiser(call, schedule, facts.prediction), samples, device)


FORMAT = Programs()


def _no_points() -> Any:
    import numpy as np

    return np.zeros((0, 2), np.float32)


def _file(path: Path) -> Path:
    return path / ADAPTER if path.is_dir() else path


def _stated(said: ProgramFacts) -> Corrections:
    """What an adapter says of itself. Raises ModelError for a value that a card could not have."""
    values: dict[str, Any] = {}
    for key in ("title", "prediction", "schedule", "T", "value_range", "class_names", "null_label"):
        if said.said.get(key) is not None:
            try:
                values[key] = PARSERS[key](said.said[key])
            except ValueError as error:
                raise ModelError(f"{said.where}: {key} must be {error}.") from None
    return Corrections(**values)


def _plan(said: ProgramFacts, stated: Corrections, schedule: NamedSchedule, T: int) -> Plan[str]:
    where = said.where
    return Plan(
        network="",
        shape=said.shape,
        schedule=ScheduleSpec(schedule.name, T, dict(schedule.arguments)),
        prediction=Candidate(stated.prediction, "file", where),
        kind="image" if len(said.shape) == 3 else "points",
        value_range=Candidate(stated.value_range or (-1.0, 1.0), "file" if stated.value_range else "default", where),
        embeddings=said.labels,
        null_label=Candidate(stated.null_label, "file", where),
        class_names=Candidate(stated.class_names, "file", where),
        sampler_defaults={"clip": False},
    )


def _network(file: Path, kind: str, device: torch.device) -> nn.Module:
    """The network itself. Runs the program: whoever calls this has the user's consent."""
    import torch

    try:
        if kind == "torchscript":
            jit: Any = torch.jit  # without types
            script: nn.Module = jit.load(str(file), map_location=device)
            return script.eval()
        if kind == "export":
            exported = torch.export.load(file).module()
            return exported.to(device)
        complete()
        made = runpy.run_path(str(file), run_name="adapter")["load"](file.parent)
    except Exception as error:  # whatever somebody else's program does wrong
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{file.name} could not be opened: {type(error).__name__}: {reason}.") from error
    if not isinstance(made, torch.nn.Module):
        raise ModelError(f"load() of {file.name} must return a torch.nn.Module, not {type(made).__name__}.")
    return made.to(device).requires_grad_(False).eval()
