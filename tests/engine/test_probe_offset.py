"""An offset of the time index is offered only where it can be told: by no means always, and never the wrong one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from explorer.diffusion.schedules import linear
from explorer.engine.engine import Engine
from explorer.engine.probe_asking import Asked, Clock
from explorer.engine.probe_finer import TIMES
from explorer.engine.probe_found import Found, Hypothesis
from explorer.engine.probe_frame import Probed, Verdict
from explorer.engine.probe_offset import Judged, judge_offsets
from explorer.paths import CHECKPOINTS
from explorer.request import ModelRef, Probe

PICTURES = 48


def judged(error: Callable[[int, float], float], force: float) -> Judged:
    """Of a network whose log error at t, told of `offset` steps more, is error(t, offset), give or take a little."""
    clock = Clock(linear(1000), None, "linear")
    told = Hypothesis(clock, (-1.0, 1.0), "eps")
    found = Found(told, told, told_level=False)
    found.times = torch.tensor(TIMES).repeat_interleave(PICTURES)
    generator = torch.Generator().manual_seed(0)
    pictures = 0.3 * torch.randn(len(found.times), generator=generator, dtype=torch.float64)
    for offset in (-2.0, -1.0, 0.0, 1.0, 2.0):
        mean = torch.tensor([error(int(t), offset) for t in found.times], dtype=torch.float64)
        own = 0.005 * torch.randn(len(found.times), generator=generator, dtype=torch.float64)
        found.offsets[offset] = mean + pictures + own
    return judge_offsets(found, force)


@pytest.mark.parametrize("force", [-1.0, 0.0, 1.0])
def test_one_that_is_the_same_at_every_t_is_believed(force: float) -> None:
    answer = judged(lambda t, offset: -1 + 0.05 * (offset / t**0.5) ** 2, force)
    assert (answer.best, answer.doubt) == (0.0, "")


@pytest.mark.parametrize("force", [-1.0, 0.0, 1.0])
def test_one_t_that_is_clearly_for_another_is_enough_to_doubt(force: float) -> None:
    """As where a network takes pictures for a little noisier than they are, by less than a step at small t."""
    answer = judged(lambda t, offset: -1 + 0.05 * (offset - t / 8) ** 2 / t**0.5, force)
    assert answer.doubt == "uneven"


@pytest.mark.parametrize(("force", "doubt"), [(0.0, "uneven"), (1.0, "")])
def test_one_is_believed_within_a_step_of_what_anybody_says(force: float, doubt: str) -> None:
    answer = judged(lambda t, offset: -1 + 0.05 * ((offset - 2) / t**0.5) ** 2, force)
    assert (answer.best, answer.doubt) == (2.0, doubt)


def test_what_the_network_does_not_know_it_does_not_tell() -> None:
    assert judged(lambda t, offset: 0.5 + 0.05 * (offset - 1) ** 2, 0.0).doubt == "blind"
    seeing_late = judged(lambda t, offset: (-1 if t > 5 else 1) + 0.05 * offset**2, 1.0)
    assert (seeing_late.best, seeing_late.doubt) == (0.0, "")


def test_two_that_do_equally_well_are_close() -> None:
    assert judged(lambda t, offset: -1 + 0.05 * (offset - 0.5) ** 2, 2.0).doubt == "close"


def offset_said(folder: Path, name: str, planted: float) -> Verdict:
    shutil.copytree(CHECKPOINTS / name, folder)
    card = json.loads((folder / "explorer.json").read_text(encoding="utf-8"))
    (folder / "explorer.json").write_text(json.dumps({**card, "time_offset": planted}), encoding="utf-8")
    last = list(Engine().answer(Probe(ModelRef(str(folder), "cpu"))))[-1]
    assert isinstance(last, Probed)
    assert {verdict.key for verdict in last.contradictions} <= {"time_offset"}
    return next(verdict for verdict in last.verdicts if verdict.key == "time_offset")


@pytest.mark.parametrize("planted", [-1.0, 1.0])
def test_a_network_that_is_told_the_noise_level_has_no_index(tmp_path: Path, planted: float) -> None:
    """Which says what no picture could: this one is worse than a linear guess wherever an offset would show."""
    said = offset_said(tmp_path / "model", "digits-x0", planted)
    assert (said.certainty, said.value) == ("contradicts", 0.0)
    assert "told the noise level itself, so there is no time index to shift" in said.sentence


@pytest.mark.parametrize("name", ["digits-x0", "digits-v"])
def test_the_wrong_one_is_not_offered(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same networks, were they told an index: x̂₀ too blind, v̂ better at +1 than at 0, but not at every t."""
    monkeypatch.setattr(Asked, "told_level", property(lambda _: False))
    for name_of, value in (("probe.SCALES", ()), ("probe.SCHEDULES", ()), ("probe_finer.MOST_BATCHES", 3)):
        monkeypatch.setattr(f"explorer.engine.{name_of}", value)
    said = offset_said(tmp_path / "model", name, -1.0)
    assert (said.certainty, said.value) == ("unclear", None)
    assert "cannot" in said.sentence
