"""An ElboReport as plain values for JSON, and as a table to read."""

from __future__ import annotations

import math
from typing import Any

from explorer.diffusion.likelihood import Estimate, Split, Terms, bits_per_dimension, estimate
from explorer.diffusion.likelihood.results import Floats
from explorer.engine.elbo import ElboReport
from explorer.request import OWN_SCHEDULE


def as_values(report: ElboReport) -> dict[str, Any]:
    """Numbers, texts and lists; what is not known is None. All in nats per sample but bits_per_dimension."""
    found, facts, request = report.elbo, report.facts, report.request
    d = found.dimensions
    consistency = _split(found.consistency, d)
    consistency["curve"]["as_written"] = _list(found.as_written)
    values: dict[str, Any] = {
        "title": facts.title,
        "path": facts.path,
        "samples": found.samples,
        "seed": request.seed,
        "label": request.label,
        "variance": request.variance,
        "schedule": str(request.schedule),
        "T": facts.T,
        "dimensions": d,
        "data": "8-bit" if found.discretised else "continuous",
        "matching": _split(found.matching, d),
        "consistency": consistency,
        "ode": None,
        "exact": None if report.exact is None else _with_bits(estimate(report.exact), d),
    }
    if report.ode is not None and report.flow is not None:
        flow = {"network_calls": report.flow.network_calls, "t": _list(report.flow.t)}
        values["ode"] = {**_with_bits(estimate(report.ode), d), **flow, "log_p": _list(report.flow.path.mean(1))}
    return values


def as_table(report: ElboReport) -> str:
    """A line for each part of the bound, the two splits side by side, without a newline at the end."""
    found, d = report.elbo, report.elbo.dimensions
    a, b = found.matching, found.consistency
    rows = [
        ("nats per sample", "(A) denoising", "(B) consistency"),
        ("reconstruction", _text(a.reconstruction), _text(b.reconstruction)),
        ("− prior", _text(_negative(a.prior)), _text(_negative(b.prior))),
        ("− sum over steps", _text(_negative(a.terms_sum)), _text(_negative(b.terms_sum))),
        ("= bound on log p", _text(a.total), _text(b.total)),
        ("bits per dimension", _bits(a.total, d), _bits(b.total, d)),
        ("variance of one draw", _number(a.variance), _number(b.variance)),
    ]
    lines = [f"{report.facts.title}: {_what(report)}", ""]
    lines += [f"{name:<24}{left:>22}{right:>22}" for name, left, right in rows]
    further = [("log p by the ODE", report.ode), ("log p, exact", report.exact)]
    for name, values in further:
        if values is not None:
            value = estimate(values)
            lines.append(f"{name:<24}{_text(value):>22}{_bits(value, d) + ' bits/dim':>31}")
    return "\n".join(lines)


def _what(report: ElboReport) -> str:
    found = report.elbo
    plural = "" if found.samples == 1 else "s"
    kind = f"picture{plural} of 8 bits" if found.discretised else f"sample{plural}"
    terms = f"{len(found.matching.terms.t):,} of {report.facts.T - 1:,} terms"
    variance = {"beta_tilde": "β̃", "beta": "β"}[report.request.variance]
    if report.request.label is not None:
        kind += f" of class {report.facts.class_names[report.request.label]}"
    schedule = report.request.schedule
    on = "" if schedule.name == OWN_SCHEDULE else f", schedule {schedule}"
    return f"{found.samples:,} {kind}, {terms}, variance {variance}, seed {report.request.seed}{on}"


def _split(split: Split, d: int) -> dict[str, Any]:
    return {
        "reconstruction": _estimate(split.reconstruction),
        "prior": _estimate(split.prior),
        "terms_sum": _estimate(split.terms_sum),
        "total": _with_bits(split.total, d),
        "variance": _known(split.variance),
        "curve": _curve(split.terms),
    }


def _curve(terms: Terms) -> dict[str, list[float | None]]:
    names = ("weight", "mean", "standard_error", "variance")
    return {"t": terms.t.tolist(), **{name: _list(getattr(terms, name)) for name in names}}


def _with_bits(value: Estimate, d: int) -> dict[str, float | None]:
    return {**_estimate(value), "bits_per_dimension": _known(bits_per_dimension(value.mean, d))}


def _estimate(value: Estimate) -> dict[str, float | None]:
    return {"mean": _known(value.mean), "standard_error": _known(value.standard_error)}


def _list(values: Floats) -> list[float | None]:
    return [_known(value) for value in values.tolist()]


def _known(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None


def _negative(value: Estimate) -> Estimate:
    return Estimate(-value.mean, value.standard_error)


def _text(value: Estimate) -> str:
    # + 0.0 turns −0.0 into 0.0
    return f"{round(value.mean, 3) + 0.0:.3f} ± {_number(value.standard_error)}"


def _bits(value: Estimate, d: int) -> str:
    return f"{bits_per_dimension(value.mean, d):.3f}"


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "?"
