"""The bound in batches: what is computed of a few samples at a time, put together.

Noise has addresses, so the batches of a sample after the other hold what one batch of all of them would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from explorer.diffusion.likelihood.elbo import Ends, Sampled

T = TypeVar("T")


def joined(parts: Sequence[tuple[Ends, Sequence[Sampled]]]) -> tuple[Ends, list[Sampled]]:
    """The ends and terms of all batches as if they had been one, in the order of the first batch's terms.

    Raises ValueError for batches of different times.
    """
    ends = Ends(
        *(
            np.concatenate([getattr(part, name) for part, _ in parts], axis=1)
            for name in ("reconstruction", "prior_matching", "prior_consistency")
        )
    )
    return ends, joined_terms([terms for _, terms in parts])


def joined_terms(parts: Sequence[Sequence[Sampled]]) -> list[Sampled]:
    """As of `joined`, the terms alone."""
    batches = [{one.stratum: one for one in terms} for terms in parts]
    if any(batch.keys() != batches[0].keys() for batch in batches):
        raise ValueError("batches can be joined where they hold the same times")
    return [
        Sampled(
            stratum,
            *(
                np.concatenate([getattr(batch[stratum], name) for batch in batches], axis=1)
                for name in ("matching", "consistency", "as_written")
            ),
        )
        for stratum in batches[0]
    ]


def coarse_to_fine(items: Sequence[T]) -> list[T]:
    """The same items, first those far apart, then those between them, so that a beginning covers the whole."""
    spacing = 1
    while spacing < len(items):
        spacing *= 2
    order: list[T] = list(items[:1])
    while spacing > 1:
        order += items[spacing // 2 :: spacing]
        spacing //= 2
    return order
