"""Transitions against the formulas in betas and against Bayes' rule on a grid."""

from __future__ import annotations

import pytest
import torch

from explorer.diffusion.path import transition
from explorer.diffusion.schedules import Schedule, cosine, geometric, linear, scaled_linear


@pytest.mark.parametrize("schedule", [linear(), scaled_linear(), cosine()], ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("t", [2, 3, 100, 500, 999, 1000])
def test_one_step_in_betas(schedule: Schedule, t: int) -> None:
    assert schedule.betas is not None
    alphas = 1 - schedule.betas
    alpha, bar, bar_before = (float(x) for x in (alphas[t - 1], alphas[:t].prod(), alphas[: t - 1].prod()))
    step = transition(schedule, t, t - 1)
    assert step.forward_scale == pytest.approx(alpha**0.5, rel=1e-9)
    assert step.forward_variance == pytest.approx(1 - alpha, rel=1e-6)
    assert step.mean_x_t == pytest.approx(alpha**0.5 * (1 - bar_before) / (1 - bar), rel=1e-6)
    assert step.mean_x0 == pytest.approx(bar_before**0.5 * (1 - alpha) / (1 - bar), rel=1e-6)
    assert step.posterior_variance == pytest.approx((1 - alpha) * (1 - bar_before) / (1 - bar), rel=1e-6)


@pytest.mark.parametrize("schedule", [linear(), cosine(), geometric()], ids=lambda schedule: schedule.name)
@pytest.mark.parametrize(("later", "earlier"), [(0.02, 0.01), (0.5, 0.3), (0.9, 0.1), (0.5, 0.49)])
def test_the_posterior_is_what_bayes_rule_gives(schedule: Schedule, later: float, earlier: float) -> None:
    t, r = round(later * schedule.T), round(earlier * schedule.T)
    step = transition(schedule, t, r)
    x_0, x_t = 0.7, 1.1
    centre, width = step.mean_x_t * x_t + step.mean_x0 * x_0, step.posterior_variance**0.5
    x_r = torch.linspace(centre - 9 * width, centre + 9 * width, 20_001, dtype=torch.float64)
    a_t, s_t, a_r, s_r = (f(u) for u in (t, r) for f in (schedule.signal, schedule.noise))
    # q(x_t|x_r) from the two marginals alone: x_t − (a_t/a_r) x_r is the noise that was added after r.
    added = s_t**2 - (a_t / a_r * s_r) ** 2
    log_joint = -((x_r - a_r * x_0) ** 2) / (2 * s_r**2) - (x_t - a_t / a_r * x_r) ** 2 / (2 * added)
    weights = torch.softmax(log_joint, 0)
    mean = float((weights * x_r).sum())
    assert mean == pytest.approx(centre, rel=1e-6)
    assert float((weights * (x_r - mean) ** 2).sum()) == pytest.approx(step.posterior_variance, rel=1e-6)


@pytest.mark.parametrize("schedule", [linear(), cosine(), geometric()], ids=lambda schedule: schedule.name)
def test_the_last_step_lands_on_x0(schedule: Schedule) -> None:
    step = transition(schedule, 1, 0)
    assert step.posterior_variance == 0
    assert step.mean_x_t == 0
    assert step.mean_x0 == pytest.approx(1)


@pytest.mark.parametrize("schedule", [linear(), cosine(), geometric()], ids=lambda schedule: schedule.name)
def test_the_posterior_keeps_the_marginal(schedule: Schedule) -> None:
    """Averaged over q(x_t|x_0) the posterior is q(x_r|x_0), for any pair of times."""
    for t, r in ((schedule.T, 1), (schedule.T // 2, schedule.T // 3), (3, 2)):
        step = transition(schedule, t, r)
        mean = step.mean_x_t * schedule.signal(t) + step.mean_x0
        variance = step.mean_x_t**2 * schedule.noise(t) ** 2 + step.posterior_variance
        assert mean == pytest.approx(schedule.signal(r), rel=1e-9)
        assert variance == pytest.approx(schedule.noise(r) ** 2, rel=1e-6)


@pytest.mark.parametrize(("t", "r"), [(5, 5), (5, 6), (5, -1), (0, 0)])
def test_a_step_goes_toward_the_data(t: int, r: int) -> None:
    with pytest.raises(ValueError, match="reverse step"):
        transition(linear(), t, r)
