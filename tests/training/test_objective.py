"""The denoising objective."""

from __future__ import annotations

import pytest
import torch

from explorer.diffusion.prediction import Kind, Prediction
from explorer.diffusion.schedules import cosine
from explorer.training.objective import noised, some_unlabelled, stratified_times, target


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(4)


@pytest.mark.parametrize(("n", "T"), [(10, 1000), (64, 1000), (1, 1000), (1000, 1000), (7, 3), (50, 10)])
def test_times_are_one_from_each_stratum(n: int, T: int) -> None:
    t = stratified_times(n, T, generator())
    assert t.dtype == torch.int64
    assert t.shape == (n,)
    assert 1 <= int(t.min()) <= int(t.max()) <= T
    for stratum, time in enumerate(t.sort().values.tolist()):
        # The stratum is (stratum/n, (stratum + 1)/n) of the real line, rounded up to whole times.
        assert stratum * T / n - 1e-3 <= time <= (stratum + 1) * T / n + 1


def test_times_are_uniform_and_shuffled() -> None:
    draws = torch.stack([stratified_times(20, 10, torch.Generator().manual_seed(i)) for i in range(400)])
    assert torch.bincount(draws.flatten(), minlength=11)[1:].tolist() == pytest.approx([800] * 10, abs=60)
    # No position of the batch prefers a time: its mean over 400 draws has a standard error of .14.
    assert bool(((draws.double().mean(0) - 5.5).abs() < 0.7).all())


def test_the_share_of_labels_that_is_left_out() -> None:
    labels = torch.arange(4000) % 3
    for share in (0.0, 0.1, 1.0):
        found = some_unlabelled(labels, 3, share, generator())
        left_out = found == 3
        assert float(left_out.double().mean()) == pytest.approx(share, abs=0.02)
        assert torch.equal(found[~left_out], labels[~left_out])


def test_times_come_up_as_often_as_is_said() -> None:
    often = torch.tensor([1.0, 0.0, 3.0, 4.0])
    draws = torch.cat([stratified_times(8, 4, torch.Generator().manual_seed(i), often) for i in range(50)])
    # The strata are eighths, so every batch has them in exactly these shares.
    assert torch.bincount(draws, minlength=5).tolist() == [0, 50, 0, 150, 200]


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "flow"])
def test_the_target_is_what_a_prediction_of_that_kind_means(kind: Kind) -> None:
    schedule = cosine(1000)
    x_0 = torch.randn(5, 1, 4, 4, generator=generator())
    t = torch.tensor([1, 10, 300, 700, 1000])
    x_t, eps, a, s = noised(schedule, x_0, t, generator())
    assert a.shape == s.shape == (5, 1, 1, 1)
    torch.testing.assert_close(x_t, a * x_0 + s * eps)
    torch.testing.assert_close(a.flatten(), schedule.signal(t).float())
    for k, time in enumerate(t.tolist()):
        one = slice(k, k + 1)
        wanted = target(kind, x_0[one], eps[one], a[one], s[one])
        prediction = Prediction(
            x_t[one].double(), time, schedule.signal(time), schedule.noise(time), kind, wanted.double()
        )
        # At t = T, x_0 is what is left of x_t after dividing by a = 5e-5.
        tolerance = 1e-5 / min(schedule.signal(time), schedule.noise(time))
        torch.testing.assert_close(prediction.x0.float(), x_0[one], atol=tolerance, rtol=0)
        torch.testing.assert_close(prediction.eps.float(), eps[one], atol=tolerance, rtol=0)


def test_clean_data_passes_unchanged() -> None:
    x_0 = torch.randn(3, 2, generator=generator())
    x_t, _, _, _ = noised(cosine(10), x_0, torch.zeros(3, dtype=torch.int64), generator())
    assert torch.equal(x_t, x_0)


def test_a_score_has_no_target() -> None:
    with pytest.raises(ValueError, match="no target"):
        target("score", *[torch.zeros(1)] * 4)
