"""Each fact that is offered can be set, says whose word it then is, and can be taken back; all others say why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.adjusted import ROWS
from explorer.formats.settable import SETTINGS
from tests.formats import test_ddim, test_k_diffusion, test_ldm, test_ncsn, test_openai, test_score_sde
from tests.formats.reference import read_reference

VALUES: dict[str, Any] = {
    "title": "Mine",
    "prediction": "flow",
    "class_names": ["a", "b"],
    "null_label": 1,
    "value_range": [-2, 5],
    "schedule": {"name": "laplace"},
    "T": 77,
    "time_offset": -1,
    "time_scale": 2.0,
    "time_reversed": True,
    "variance": "fixed_large",
    "weights": "raw",
    "size": 64,
    "kind": "image",
    "heads": 2,
    "qkv_order": "q, k, v first",
    "activation": "swish",
    "groups": 4,
    "time_input": "sigma",
    "labels": 4,
}


def state(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        torch.save(read_reference(name).state, folder / "model.pt")
        return folder / "model.pt"

    return write


MODELS: dict[str, Callable[[Path], Path]] = {
    "ddim": test_ddim.save,
    "openai": lambda folder: test_openai.save(folder, "guided"),
    "ldm": lambda folder: test_ldm.save(folder, "ldm_context"),
    "ncsn": test_ncsn.save_first,
    "k-diffusion": test_k_diffusion.save,
    "score_sde": lambda folder: test_score_sde.save(folder, "score_sde_vp"),
    "dit": state("dit"),
    "lucidrains": state("lucidrains_classes_1.0"),
    "tiny": state("tiny"),
    "digits": lambda _: Path("checkpoints/digits"),
    "vdm": lambda _: Path("checkpoints/vdm"),
    "moons": lambda _: Path("checkpoints/moons"),
    "exact": lambda _: Path("checkpoints/mixture-exact"),
    "vae": lambda _: Path("checkpoints/vae"),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_fact_can_be_set_or_says_why_not(tmp_path: Path, name: str) -> None:
    path = MODELS[name](tmp_path)
    facts = registry.inspect(path)
    rows = [fact.name for fact in facts.evidence]
    assert len(set(rows)) == len(rows)
    for key, row in ROWS.items():
        if key in facts.fixed:
            assert facts.fixed[key].strip(". ") == facts.fixed[key] != ""
            if key in VALUES and row in rows and not path.is_relative_to("checkpoints"):
                with pytest.raises(ModelError):
                    registry.set_facts(path, {key: VALUES[key]})
            continue
        value = next(iter({*facts.presets} - {facts.preset}), None) if key == "preset" else VALUES.get(key)
        assert row in rows, f"{row} is not shown"
        if value is not None:
            found = next(fact for fact in registry.inspect(path, {key: value}).evidence if fact.name == row)
            assert found.source == "user", f"{row} says {found}"
    assert set(facts.settings) <= set(SETTINGS)
