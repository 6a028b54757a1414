"""The training loop: resuming, averaging, learning rate."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from explorer.training.loop import LoopConfig, train

CONFIG = LoopConfig(steps=23, warmup_steps=4, save_every=5, seed=3)


class PowerCutError(Exception):
    """Stands for the machine going down."""


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))


def silent(message: str) -> None:
    del message


def run(
    net: nn.Module, file: Path, config: LoopConfig = CONFIG, fail_at: int | None = None, seen: list[int] | None = None
) -> nn.Module:
    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        if step == fail_at:
            raise PowerCutError
        if seen is not None:
            seen.append(step)
        x = torch.randn(16, 3, generator=generator)
        loss: Tensor = (net(x) - x.sum(1, keepdim=True)).square().mean()
        return loss

    return train(net, loss_of, config, file, silent)[0]


def state(net: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in net.state_dict().items()}


@pytest.mark.parametrize("fail_at", [5, 12, 22])
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, fail_at: int) -> None:
    whole = network()
    expected_average = state(run(whole, tmp_path / "whole.pt"))
    with pytest.raises(PowerCutError):
        run(network(), tmp_path / "parts.pt", fail_at=fail_at)
    seen: list[int] = []
    resumed = network()
    average = state(run(resumed, tmp_path / "parts.pt", seen=seen))
    assert seen == list(range(fail_at // 5 * 5, 23))
    for found, expected in ((average, expected_average), (state(resumed), state(whole))):
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], expected[key]) for key in found)
    assert list(tmp_path.iterdir()) == []


def test_the_state_of_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(PowerCutError):
        run(network(), tmp_path / "state.pt", fail_at=12)
    seen: list[int] = []
    run(network(), tmp_path / "state.pt", replace(CONFIG, learning_rate=5e-4), seen=seen)
    assert seen[0] == 0


def test_the_report(tmp_path: Path) -> None:
    net = nn.Linear(1, 1, bias=False)
    losses: list[float] = []

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        loss = (net.weight - 1).square().sum()
        losses.append(float(loss.detach()))
        return loss

    average, report = train(net, loss_of, replace(CONFIG, steps=40), tmp_path / "state.pt", silent)
    assert report.steps == 40
    assert report.final_loss == pytest.approx(sum(losses[-2:]) / 2)
    assert report.cpu_seconds > 0
    assert not average.training
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_the_average_follows_its_definition(tmp_path: Path) -> None:
    """ē ← d ē + (1 − d) θ with d = min(decay, (1 + i)/(10 + i)), from the initial weights on."""
    net = network()
    linear = next(module for module in net.modules() if isinstance(module, nn.Linear))
    weights = [linear.weight.detach().clone()]

    def loss_of(step: int, generator: torch.Generator) -> Tensor:
        if step > 0:
            weights.append(linear.weight.detach().clone())
        loss: Tensor = net(torch.randn(16, 3, generator=generator)).square().mean()
        return loss

    config = replace(CONFIG, ema_decay=0.5, steps=11)  # few enough that what was wrong at first would still show
    average, _ = train(net, loss_of, config, tmp_path / "state.pt", silent)
    weights.append(linear.weight.detach().clone())
    expected = weights[0]
    for step, weight in enumerate(weights[1:]):
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight
    torch.testing.assert_close(average.state_dict()["0.weight"], expected)
    assert torch.equal(average.state_dict()["1.running_mean"], net.state_dict()["1.running_mean"])


def test_the_learning_rate_warms_up_stays_and_decays() -> None:
    config = LoopConfig(steps=1000, warmup_steps=100, flat_fraction=0.3)
    factors = [config.learning_rate_factor(step) for step in range(1000)]
    assert factors[:100] == pytest.approx([(step + 1) / 100 for step in range(100)])
    assert all(factor == 1 for factor in factors[100:301])
    assert factors[650] == pytest.approx(0.5)
    assert factors[999] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.699 / 0.7)))
    assert all(0 < factor <= 1 for factor in factors)


def test_gradients_are_clipped(tmp_path: Path) -> None:
    """With a clip norm of 0 nothing moves but weight decay, which is off here."""
    net = nn.Linear(2, 1)
    before = state(net)
    config = replace(CONFIG, steps=1, clip_norm=0.0, weight_decay=0.0)
    train(net, lambda step, generator: net(torch.ones(1, 2)).sum(), config, tmp_path / "state.pt", silent)
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
