"""The factor that one step's KL puts before the error of each prediction.

    KL(q(x_{t−1}|x_t, x_0) ‖ p_θ(x_{t−1}|x_t)) = w_x ‖x_0 − x̂₀‖² = w_ε ‖ε − ε̂‖² = w_s ‖∇ log q(x_t|x_0) − ŝ‖²

where p_θ has the variance σ_q² = β̃_t. They are stated for any path; with α_t = α², 1 − α_t = σ² of `path.py` and
a variance-preserving path they are the three of the sheet. At t = 1 σ_q² is 0: that step is the reconstruction
term, and has no weight.
"""

from __future__ import annotations

from explorer.diffusion.path import Transition, transition
from explorer.diffusion.schedules import Schedule


def weight_x0(schedule: Schedule, t: int) -> float:
    """w_x = ½ (SNR(t−1) − SNR(t)). Raises ValueError unless 2 ≤ t ≤ T."""
    _inner(schedule, t)
    return 0.5 * (_snr(schedule, t - 1) - _snr(schedule, t))


def weight_eps(schedule: Schedule, t: int) -> float:
    """w_ε = (1/2σ_q²) (1−α_t)² / (s_t² α_t). Raises ValueError unless 2 ≤ t ≤ T."""
    q = _inner(schedule, t)
    return 0.5 * q.forward_variance**2 / (q.posterior_variance * schedule.noise(t) ** 2 * q.forward_scale**2)


def weight_score(schedule: Schedule, t: int) -> float:
    """w_s = (1/2σ_q²) (1−α_t)² / α_t. Raises ValueError unless 2 ≤ t ≤ T."""
    q = _inner(schedule, t)
    return 0.5 * q.forward_variance**2 / (q.posterior_variance * q.forward_scale**2)


def _inner(schedule: Schedule, t: int) -> Transition:
    if not 2 <= t <= schedule.T:
        raise ValueError(f"the KL terms have t = 2 … T = {schedule.T}, not {t}: t = 1 is the reconstruction term")
    return transition(schedule, t, t - 1)


def _snr(schedule: Schedule, t: int) -> float:
    return (schedule.signal(t) / schedule.noise(t)) ** 2
