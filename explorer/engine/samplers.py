"""Samplers by name, with the parameters that a request gives them."""

from __future__ import annotations

import sys
from dataclasses import MISSING, Field, fields
from importlib.util import find_spec
from typing import Any

from explorer.diffusion.samplers import SAMPLERS, Sampler, find
from explorer.diffusion.samplers.diffusers_names import BETWEEN, MEMORYLESS, PACKAGES, PREFIX, REMEMBERS, SCHEDULERS
from explorer.diffusion.samplers.diffusers_sigmas import SIGMA_SCHEDULERS
from explorer.diffusion.samplers.from_diffusers import Parameters as DiffusersParameters
from explorer.engine.errors import sentence
from explorer.engine.frame import Needs, ParameterSpec, SamplerSpec
from explorer.facts import ModelError
from explorer.request import Run


def find_sampler(name: str) -> Sampler[Any]:
    """Of our own names, or "diffusers:CLASSNAME". Raises ModelError, one sentence, for another."""
    try:
        return find(name)
    except ValueError as error:
        raise ModelError(sentence(error)) from error


def loads_diffusers(name: str) -> bool:
    """True where finding a sampler takes the seconds that diffusers' schedulers need to be imported."""
    return name.startswith(PREFIX) and "diffusers.schedulers" not in sys.modules


def chosen_sampler(request: Run) -> tuple[Sampler[Any], Any]:
    """The sampler and its typed parameters. Parameters that it does not have are left out."""
    sampler = find_sampler(request.sampler)
    known = {f.name: f for f in fields(sampler.parameters)}
    values = {}
    for name, value in request.parameters.items():
        if name not in known:
            continue
        _check_parameter(known[name], value)
        values[name] = value
    return sampler, sampler.parameters(**values)


def _check_parameter(known: Field[Any], value: Any) -> None:
    """Raises ModelError for a value of the wrong type. Numbers outside the panel's range are for the brave."""
    choices, default = known.metadata["choices"], known.default
    if choices:
        if value not in choices:
            raise ModelError(f"{known.name} cannot be “{value}”; it is one of {', '.join(choices)}.")
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ModelError(f"{known.name} is true or false, not “{value}”.")
    elif isinstance(default, str):
        if not isinstance(value, str):
            raise ModelError(f"{known.name} is a text, not “{value}”.")
    else:
        numbers = (int,) if isinstance(default, int) else (int, float)
        if isinstance(value, bool) or not isinstance(value, numbers) or not abs(value) <= 1e300:
            raise ModelError(f"{known.name} is a number, not “{value}”.")


def sampler_specs() -> tuple[SamplerSpec, ...]:
    """What a menu offers: our own, then diffusers', which is not imported for that."""
    own = tuple(sampler_spec(sampler) for sampler in SAMPLERS.values())
    theirs = (*SCHEDULERS, *BETWEEN, *SIGMA_SCHEDULERS)
    return own + tuple(_diffusers_spec(name) for name in theirs if all(map(find_spec, PACKAGES.get(name, ()))))


def sampler_spec(sampler: Sampler[Any]) -> SamplerSpec:
    """What a menu and a panel show of it."""
    if sampler.name.startswith(PREFIX):
        return _diffusers_spec(sampler.label, sampler.summary)
    return SamplerSpec(
        sampler.name,
        sampler.label,
        sampler.summary,
        sampler.steps_label,
        sampler.default_steps,
        sampler.levels,
        _parameter_specs(sampler.parameters),
        needs_density=sampler.needs_density,
    )


def _diffusers_spec(class_name: str, otherwise: str = "") -> SamplerSpec:
    """otherwise: the summary of one that is not listed."""
    parameters = _parameter_specs(DiffusersParameters)
    name = f"{PREFIX}{class_name}"
    needs: Needs = "betas"
    summary = SCHEDULERS.get(class_name, otherwise)
    if class_name in BETWEEN:
        needs, summary = "between", BETWEEN[class_name]
    if class_name in SIGMA_SCHEDULERS:
        needs, summary = SIGMA_SCHEDULERS[class_name]
    if class_name not in MEMORYLESS and not summary.endswith(REMEMBERS):
        summary = f"{summary} {REMEMBERS}"
    return SamplerSpec(name, class_name, summary, "Steps", 50, False, parameters, "diffusers", needs=needs)


def _parameter_specs(parameters: type[Any]) -> tuple[ParameterSpec, ...]:
    specs = []
    # The list of times goes with the spacing "custom", so it stands beside it.
    ordered = {f.name: f for f in fields(parameters)}
    names = [name for name in ordered if name != "times"]
    if "times" in ordered:
        names.insert(names.index("spacing") + 1, "times")
    for f in (ordered[name] for name in names):
        assert f.default is not MISSING, f"{parameters}: the parameter {f.name} needs a default"
        meta = f.metadata
        specs.append(ParameterSpec(f.name, default=f.default, **meta))
    return tuple(specs)
