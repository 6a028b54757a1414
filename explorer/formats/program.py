"""Networks that are programs: TorchScript and torch.export (.pt2) files, and adapters in Python.

An adapter is a file adapter.py, by itself or in a folder, with load(folder) → a network, and FACTS (see
`program_facts.py`). Facts are read without running anything; the program runs when the model is loaded, and only if
the user agreed to this very content (see `trust.py`).

A network is called as network(x, time) or, with labels, network(x, time, labels): x (n, …), time (n,), labels (n,).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from explorer.facts import Kind, ModelError, ModelFacts, NamedSchedule
from explorer.formats import trust
from explorer.formats.card import read_card
from explorer.formats.context import Context
from explorer.formats.corrections import PARSERS, TIME_INPUTS, Corrections, parse_overrides
from explorer.formats.diffusers_import import complete
from explorer.formats.evidence import Candidate, Evidence
from explorer.formats.own import SHAPES
from explorer.formats.program_example import example_shape
from explorer.formats.program_facts import ADAPTER, KINDS, ProgramFacts, program_kind, read_program_facts
from explorer.formats.samples import card_samples
from explorer.formats.schedule_names import make_schedule
from explorer.formats.single_file import Plan, ScheduleSpec, facts_of

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import nn

    from explorer.formats.model import Model

USUAL = NamedSchedule("linear")
USUAL_T = 1000
GUESS = (3, 32, 32)
"""The shape of pictures where nobody says it."""


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
        kind_of_samples, shape = _shape(file, kind, said, context)
        time_input = context.choose(
            "time_input", "time input", Candidate(said.time_input, said.source, said.where), default=TIME_INPUTS[0]
        )
        labels = context.choose("labels", "labels", Candidate(said.labels, said.source, said.where), default=0)
        schedule, T = stated.schedule or USUAL, stated.T or USUAL_T
        if stated.schedule is None and not context.said("schedule"):
            evidence.warn(f"Nothing says which noise schedule the network was trained on: {schedule} is taken.")
        plan = replace(
            _plan(said, stated, schedule, T, shape),
            kind=kind_of_samples,
            embeddings=labels,
            settings={"time_input": time_input, "labels": labels},
        )
        facts = facts_of(self.name, path, title, plan, card, context)
        return replace(facts, program=KINDS[kind], schedule_numbers=schedule, kinds=("image", "points", "line"))

    def load(self, path: Path, facts: ModelFacts, device: torch.device) -> Model:
        from explorer.diffusion.denoiser import NetworkDenoiser
        from explorer.formats.model import Model
        from explorer.formats.program_call import ProgramCall

        file = _file(path)
        kind = program_kind(file)
        program = b""
        if kind == "adapter":
            program = trust.agreed_text(file, KINDS[kind])
        else:
            trust.check(file, KINDS[kind])
        said = read_program_facts(file, kind)
        stated = _stated(said)
        schedule = make_schedule(stated.schedule or USUAL, stated.T or USUAL_T)
        network = _network(file, kind, program, device)
        no_label = (facts.null_label or 0) if facts.conditional else None
        call = ProgramCall(network, schedule, facts.settings["time_input"], facts.shape, no_label, file.name)
        facts, samples = card_samples(path, facts) if facts.on_grid else (facts, _no_points(facts.shape))
        return Model(facts, NetworkDenoiser(call, schedule, facts.prediction), samples, device)


FORMAT = Programs()


def _no_points(shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.zeros((0, *shape), np.float32)


def _shape(file: Path, kind: str, said: ProgramFacts, context: Context) -> tuple[Kind, tuple[int, ...]]:
    """What the program works on, and the shape of one sample of it."""
    own: Candidate[tuple[int, ...]] = Candidate(said.shape, said.source, said.where)
    if said.shape is None:
        example = example_shape(file) if kind == "export" else None
        fits = example is not None and (len(example) == 3 or example in SHAPES)
        own = Candidate(example if fits else None, "file", "the input that it was exported with")
    shape = own.value or GUESS
    like: Kind = "line" if shape == (1,) else "points" if shape == (2,) else "image"
    guessed = Candidate(None if own.value is None else like, "inferred", "the shape")
    settled: Kind = context.choose(
        "kind", "kind", guessed, default=like, show=lambda kind: "pictures" if kind == "image" else kind
    )
    if settled in ("points", "line"):
        shape = (2,) if settled == "points" else (1,)
        context.evidence.add("shape", SHAPES[shape], "inferred", "the kind")
        return settled, shape
    if len(shape) != 3:
        shape, own = GUESS, Candidate(None, "default")
    said_size = context.user.size or context.card.size
    if said_size is not None and len(said_size) == 3:
        shape = (said_size[0], *shape[1:])
    if own.value is None and said_size is None:
        context.evidence.warn(
            f"Nothing says what the program works on: pictures of {'×'.join(map(str, shape))} are taken. Set its kind "
            "and shape in the tab Model."
        )
    sides = Candidate(None if own.value is None else (shape[1], shape[2]), own.source, own.where)
    return "image", context.shape(shape[0], sides, (shape[1], shape[2]), ask=False)


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


def _plan(
    said: ProgramFacts, stated: Corrections, schedule: NamedSchedule, T: int, shape: tuple[int, ...]
) -> Plan[str]:
    where = said.where
    return Plan(
        network="",
        shape=shape,
        schedule=ScheduleSpec(schedule.name, T, dict(schedule.arguments)),
        prediction=Candidate(stated.prediction, "file", where),
        value_range=Candidate(stated.value_range or (-1.0, 1.0), "file" if stated.value_range else "default", where),
        null_label=Candidate(stated.null_label, "file", where),
        class_names=Candidate(stated.class_names, "file", where),
        sampler_defaults={"clip": False},
    )


def _network(file: Path, kind: str, program: bytes, device: torch.device) -> nn.Module:
    """The network itself. Runs the program: whoever calls this has the user's consent.

    program: the text of an adapter.
    """
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
        made = _run(program, file)["load"](file.parent)
    except ModuleNotFoundError as error:
        beside = file.parent / str(error.name).split(".")[0]
        if not beside.is_dir() and not beside.with_suffix(".py").is_file():
            raise ModelError(f"{file.name} could not be opened: {error}; install it beside this program.") from error
        raise ModelError(
            f"{file.name} imports {error.name} from its own folder, which is not searched, so that nothing runs "
            "unasked: begin it with “import sys, pathlib; sys.path.append(str(pathlib.Path(__file__).parent))”, or "
            "define the network in it."
        ) from error
    except Exception as error:  # whatever somebody else's program does wrong
        reason = str(error).strip().split("\n")[0][:200]
        raise ModelError(f"{file.name} could not be opened: {type(error).__name__}: {reason}.") from error
    if not isinstance(made, torch.nn.Module):
        raise ModelError(f"load() of {file.name} must return a torch.nn.Module, not {type(made).__name__}.")
    return made.to(device).requires_grad_(False).eval()


def _run(program: bytes, file: Path) -> dict[str, Any]:
    """What the text of an adapter defines. It is a module for as long as it runs, as classes in it may need."""
    module = ModuleType("adapter")
    module.__file__ = str(file)
    before = sys.modules.get("adapter")
    sys.modules["adapter"] = module
    try:
        exec(compile(program, str(file), "exec"), module.__dict__)  # noqa: S102 — it was agreed to
    finally:
        del sys.modules["adapter"]
        if before is not None:
            sys.modules["adapter"] = before
    return module.__dict__
