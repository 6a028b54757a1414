"""tanelp's tiny-diffusion: `exps/NAME/model.pth`, the state dict of an MLP of points, and nothing else.

Its program trains with T = 50, linear β from 0.0001 to 0.02, on ε; its index is our t − 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from explorer.facts import ModelError
from explorer.formats.checkpoint import Checkpoint
from explorer.formats.context import Context
from explorer.formats.evidence import Candidate
from explorer.formats.references import TensorRef
from explorer.formats.single_file import Plan, ScheduleSpec, SingleFile

if TYPE_CHECKING:  # facts are read without torch
    import torch
    from torch import Tensor

    from explorer.diffusion.denoiser import Condition
    from explorer.diffusion.schedules import Schedule

PROGRAM = "tiny-diffusion"
FIRST = "joint_mlp.0.weight"
T = 50


class TinyDiffusion(SingleFile[dict[str, Any]]):
    name = "tiny-diffusion"

    def recognise(self, checkpoint: Checkpoint) -> float:
        tensors = checkpoint.tensors()
        return 0.9 if FIRST in tensors and "joint_mlp.2.ff.weight" in tensors else 0.0

    def plan(self, checkpoint: Checkpoint, context: Context) -> Plan[dict[str, Any]]:
        evidence, arguments = context.evidence, _arguments(checkpoint.tensors())
        text = f"MLP, {arguments['layers']} hidden layers of {arguments['hidden']}"
        evidence.add("network", text, "inferred", "shapes of the weights")
        evidence.add("shape", "2: points in the plane", "default", PROGRAM)
        evidence.add("T", T, "default", PROGRAM)
        evidence.add("noise schedule", "linear", "default", PROGRAM)
        return Plan(
            network=arguments,
            shape=(2,),
            kind="points",
            schedule=ScheduleSpec("linear", T),
            prediction=Candidate("eps", "default", PROGRAM),
            value_range=Candidate((-4.0, 4.0), "default", f"the data of {PROGRAM}"),
        )

    def network(
        self,
        checkpoint: Checkpoint,
        plan: Plan[dict[str, Any]],
        schedule: Schedule,
        no_label: int | None,
        device: torch.device,
    ) -> Callable[[Tensor, float, Condition], Tensor]:

        from explorer.formats.call import TimedCall, index
        from explorer.formats.tensors import filled
        from explorer.networks.tiny_mlp import TinyConfig, TinyMLP

        module = filled(lambda: TinyMLP(TinyConfig(**plan.network)), checkpoint.weights(checkpoint.tensors()), device)
        if not plan.network["stored"]:
            module.make_frequencies(device)
        return TimedCall(module, schedule, index)


FORMAT = TinyDiffusion()


def _arguments(tensors: Mapping[str, TensorRef]) -> dict[str, Any]:
    """Those of TinyConfig. Raises ModelError for embeddings whose kind does not show."""
    learned = tuple(f"{place}.layer.linear.weight" in tensors for place in ("time_mlp", "input_mlp1"))
    stored = any(name.endswith(".layer.emb") for name in tensors)
    hidden, width = tensors[FIRST].shape
    size, left = divmod(width, 3)
    if left or size < 4 or size % 2:
        raise ModelError("The file's network embeds points or times as single numbers; sines or learned ones are read.")
    layers = sum(name.endswith(".ff.weight") for name in tensors)
    return {"hidden": hidden, "layers": layers, "size": size, "learned": learned, "stored": stored}
