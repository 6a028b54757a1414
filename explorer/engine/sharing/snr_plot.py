"""The SNR curve as SVG text, for a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from explorer.diffusion.schedules import Schedule

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 10, 36
POINTS = 240


@dataclass(frozen=True)
class SnrPlot:
    """times: what the sampler visits."""

    schedule: Schedule
    times: Sequence[int]

    def x(self, t: float) -> float:
        """Where a time stands."""
        return LEFT + t / self.schedule.T * (WIDTH - LEFT - RIGHT)

    def svg(self) -> str:
        """With axes, the visited times as dots, and a cursor for the page to move."""
        T = self.schedule.T
        times = sorted({round(1 + i * (T - 1) / (POINTS - 1)) for i in range(POINTS)})
        curve = [(t, level) for t in times if math.isfinite(level := self._level(t))]
        low, high = math.floor(min(y for _, y in curve)), math.ceil(max(y for _, y in curve))
        every = max(1, math.ceil((high - low) / 6))
        low = math.floor(low / every) * every

        def y(level: float) -> float:
            return TOP + (high - level) / max(high - low, 1) * (HEIGHT - TOP - BOTTOM)

        parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="SNR over t, with the step on show">']
        for level in range(low, high + 1, every):
            parts.append(f'<path class="axis" d="M{LEFT} {y(level):.1f}H{WIDTH - RIGHT}"/>')
            words = f'10<tspan dy="-5" font-size="9">{str(level).replace("-", "−")}</tspan>'
            parts.append(f'<text x="{LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{words}</text>')
        for i in range(5):
            t = round(i * T / 4)
            parts.append(f'<text x="{self.x(t):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{t}</text>')
        parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">t: data at 0, noise at {T}</text>')
        points = " ".join(f"{self.x(t):.1f},{y(level):.1f}" for t, level in curve)
        parts.append(f'<polyline class="curve" points="{points}"/>')
        dots = [(t, self._level(t)) for t in sorted(set(self.times)) if t > 0]
        parts += [
            f'<circle class="mark" cx="{self.x(t):.1f}" cy="{y(level):.1f}" r="2.6"/>'
            for t, level in dots
            if math.isfinite(level)
        ]
        parts.append(f'<line class="cursor" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/></svg>')
        return "\n".join(parts)

    def _level(self, t: int) -> float:
        return self.schedule.log_snr(float(t)) / math.log(10)
