"""A VAE's true posterior over the plane, against a linear chain of which log p(x) is known."""

from __future__ import annotations

import pytest
import torch

from explorer.diffusion.latent import Diagonal
from explorer.diffusion.latent.posterior import plane_posterior
from tests.diffusion.linear_chain import LinearChain, linear_chain


@pytest.mark.parametrize("wrong", [0.0, 0.5])
@pytest.mark.parametrize("std", [0.4, 0.02])
def test_evidence_bound_and_gap_are_the_exact_ones(wrong: float, std: float) -> None:
    """At 0.02 the posterior is narrower than a cell of the first lattice."""
    of = linear_chain(wrong=wrong)
    chain, right = (LinearChain(of.weight, of.offset, std, wrong=share) for share in (wrong, 0.0))
    x = chain.draw(1)
    found = plane_posterior(chain, x)
    assert found.evidence == pytest.approx(float(chain.log_p(x)[0]), abs=0.01)
    q, p = chain.encode(1, x), right.encode(1, x)
    assert found.gap == pytest.approx(float(q.kl(p)[0]), abs=0.01), "the KL is what the bound leaves out"
    width = (found.u[1] - found.u[0]) * (found.v[1] - found.v[0])
    assert float((found.log_p.exp() * width).sum()) == pytest.approx(1, abs=1e-6)
    if not wrong and std == 0.4:
        places = torch.cartesian_prod(found.v, found.u).flip(1)
        exact = Diagonal(p.mean.double().expand_as(places), p.log_std.double().expand_as(places)).log_density(places)
        torch.testing.assert_close(found.log_p.flatten(), exact, atol=2e-3, rtol=1e-4)


def test_more_than_one_level_of_two_numbers_is_refused() -> None:
    chain = linear_chain(levels=2)
    with pytest.raises(ValueError, match="two latent numbers"):
        plane_posterior(chain, chain.draw(1))
