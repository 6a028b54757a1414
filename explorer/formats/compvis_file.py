"""What CompVis' files hold beside a network: its average, autoencoder, β_t, and what their YAML says of training."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.facts import ModelError
from explorer.formats.autoencoder_files import AutoencoderFiles, inside
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.corrections import PredictionName
from explorer.formats.evidence import Candidate
from explorer.formats.fields import Fields
from explorer.formats.references import TensorRef
from explorer.formats.single_file import ScheduleSpec

PREFIX = "model.diffusion_model."
EMA = "model_ema.diffusion_model"
FIRST_STAGE = "first_stage_model."
HALF = 2**-11
"""Relative error of a number in half precision."""
PARAMETERIZATIONS: dict[str, PredictionName] = {"eps": "eps", "x0": "x0", "v": "v"}


def table_of(checkpoint: Checkpoint) -> dict[str, TensorRef]:
    """All tensors by name, from under Lightning's “state_dict” where there is one."""
    return checkpoint.tensors("state_dict") or checkpoint.tensors()


def weight_sets(checkpoint: Checkpoint) -> dict[str, dict[str, TensorRef]]:
    """The U-Net's sets of weights by name, the average first, each under the U-Net's own names."""
    table = table_of(checkpoint)
    raw = {name.removeprefix(PREFIX): tensor for name, tensor in table.items() if name.startswith(PREFIX)}
    averages = {name: table.get(EMA + name.replace(".", "")) for name in raw}
    found = {"raw": raw}
    if raw and all(tensor is not None for tensor in averages.values()):
        found = {"ema": {name: tensor for name, tensor in averages.items() if tensor is not None}, "raw": raw}
    return found


def first_stage(
    checkpoint: Checkpoint, table: Mapping[str, TensorRef], model: Fields, context: Context, usual: float
) -> AutoencoderFiles | None:
    """The autoencoder inside; the factor of its latents is a number of training, or of the YAML, or the usual
    one."""
    named = {name.removeprefix(FIRST_STAGE): table[name] for name in table if name.startswith(FIRST_STAGE)}
    factor = table.get("scale_factor")
    scaling = model.number("scale_factor", None, 1e-9, 1e9)
    if factor is not None and factor.count == 1:
        (scaling,) = checkpoint.numbers(factor)
    if scaling is None or not scaling > 0:
        scaling = usual
    return inside(checkpoint, named, scaling, context)


def parameterization(model: Fields, yaml: str) -> Candidate[PredictionName] | None:
    """What the YAML (its name) says of the network's output, None where it says nothing."""
    kind = model.choice("parameterization", None, tuple(PARAMETERIZATIONS))
    return Candidate(PARAMETERIZATIONS[kind], "file", yaml) if kind else None


def stored_schedule(
    checkpoint: Checkpoint, table: Mapping[str, TensorRef], context: Context, usual: ScheduleSpec
) -> ScheduleSpec:
    """That of the stored β, the usual one where there are none. Raises ModelError for numbers that are none."""
    evidence = context.evidence
    betas = checkpoint.numbers(table["betas"]) if "betas" in table else ()
    if not betas:
        evidence.add("T", usual.T, "default", "CompVis")
        evidence.add("noise schedule", usual.name, "default", "CompVis")
        return usual
    if not all(0 <= beta <= 1 for beta in betas):
        raise ModelError("The file's betas are no noise schedule: they must lie between 0 and 1.")
    T = len(betas)
    evidence.add("T", T, "file", "the number of betas")
    first, last = betas[0] ** 0.5, betas[-1] ** 0.5
    half = table["betas"].dtype == "float16"
    if half and T == usual.T:  # rounded with the weights: the usual ones are nearer to those of training
        first, last = (usual.arguments[end] ** 0.5 for end in ("beta_start", "beta_end"))
    roots = [first + (last - first) * i / max(T - 1, 1) for i in range(T)]
    if max(abs(root**2 - beta) for root, beta in zip(roots, betas, strict=True)) < (HALF * last**2 if half else 1e-6):
        # CompVis' "linear" is linear in the roots.
        evidence.add("noise schedule", "scaled_linear", "inferred", "the stored betas")
        return ScheduleSpec("scaled_linear", T, {"beta_start": round(first**2, 7), "beta_end": round(last**2, 7)})
    evidence.add("noise schedule", f"{T} trained betas", "file", "betas")
    return ScheduleSpec("trained betas", T, betas=tuple(betas))
