"""What the menus offer: named without importing the libraries behind it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from explorer.diffusion.samplers import SAMPLERS, find
from explorer.diffusion.samplers.diffusers_names import PREFIX, SCHEDULERS
from explorer.diffusion.samplers.from_diffusers import Parameters
from explorer.diffusion.schedules import cosine
from explorer.engine.engine import Engine
from explorer.engine.samplers import sampler_specs


def test_listing_imports_no_diffusers() -> None:
    code = (
        "import sys; from explorer.engine.engine import Engine; Engine().ready(); "
        "sys.exit(any(name.split('.')[0] == 'diffusers' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_listed_schedulers_are_those_that_can_run() -> None:
    import diffusers.schedulers

    can_run = set()
    for name in dir(diffusers.schedulers):
        try:
            find(f"{PREFIX}{name}").plan(cosine(1000), 50, Parameters())
            can_run.add(name)
        except ValueError:
            pass
    assert can_run == set(SCHEDULERS)


@pytest.mark.parametrize("name", ["ddim", "ode", f"{PREFIX}DDPMScheduler"])
def test_a_listed_sampler_is_described_as_a_found_one(name: str) -> None:
    assert {spec.name: spec for spec in sampler_specs()}[name] == Engine().sampler(name)


def test_times_stand_beside_the_spacing_they_go_with() -> None:
    for spec in sampler_specs():
        names = [parameter.name for parameter in spec.parameters]
        assert "times" not in names or names.index("times") == names.index("spacing") + 1
    assert [spec.name for spec in sampler_specs() if spec.needs_density] == ["mala"]
    assert [spec.name for spec in sampler_specs() if not spec.group] == list(SAMPLERS)
