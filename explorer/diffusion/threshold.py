"""How x̂₀ is limited: clipped to a range, or by dynamic thresholding (Saharia et al. 2022, §2.3).

    plain      x̂₀ clipped to ± r
    dynamic    b = max(r, a percentile of |x̂₀| over all numbers of a sample);   x̂₀ clipped to ± b, times r/b

b can be kept from growing beyond a largest value. At r = 1 this is diffusers' `_threshold_sample`, that value being its
`sample_max_value`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Limit:
    """reach: r, > 0. percentile: 0 … 100, 0 for plain clipping. most: the greatest b, in units of r; 0 for none.

    Raises ValueError for another percentile.
    """

    reach: float
    percentile: float = 0.0
    most: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.percentile <= 100:
            raise ValueError(f"a percentile lies between 0 and 100, not at {self.percentile:g}")

    def __call__(self, x0: Tensor) -> Tensor:
        """x̂₀ (n, …) within ± reach."""
        if not self.percentile:
            return x0.clamp(-self.reach, self.reach)
        bound = self.bound(x0)
        return torch.clamp(x0, -bound, bound) / bound * self.reach

    def bound(self, x0: Tensor) -> Tensor:
        """Where each sample is clipped, (n, 1, …)."""
        shape = (len(x0), *[1] * (x0.ndim - 1))
        if not self.percentile or x0.is_meta:
            return x0.new_full(shape, self.reach)
        sizes = x0.flatten(1).abs()
        if sizes.dtype not in (torch.float32, torch.float64):  # of others there are no quantiles
            sizes = sizes.float()
        most = max(self.most, 1.0) * self.reach if self.most else None
        return torch.quantile(sizes, self.percentile / 100, dim=1).clamp(self.reach, most).to(x0.dtype).view(shape)
