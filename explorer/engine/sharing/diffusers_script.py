"""`.py` without this program: the run written out with torch, diffusers and numpy alone, where they can express it."""

from __future__ import annotations

from typing import Any

from explorer.engine.samplers import chosen_sampler
from explorer.engine.sharing.material import Material
from explorer.engine.sharing.script import harmless
from explorer.facts import ModelError
from explorer.formats.diffusers_dir import FORMAT, DiffusersParts, parts
from explorer.lenses.base import number
from explorer.request import OWN_SCHEDULE, Guidance, Run

CLASSES = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "euler": "EulerDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "dpmpp_2m": "DPMSolverMultistepScheduler",
}
"""Our samplers → the schedulers of diffusers that do the same."""
CLIPPING = ("ddim", "ddpm", "heun")
"""Those whose schedulers can limit x̂₀."""
PREDICTIONS = {"eps": "epsilon", "x0": "sample", "v": "v_prediction"}

TEMPLATE = '''"""{title}, with nothing but torch, diffusers and numpy.

    python {name}

The numbers agree with those of Diffusion Explorer but for rounding. It prints what came out, and keeps x_0 in
{stem}.npy.
"""

import math
{more}from pathlib import Path

import numpy as np
import torch
from diffusers import {scheduler_class}, UNet2DModel

SEED, SAMPLES = {seed}, {count}
network = UNet2DModel.from_pretrained({unet!r}).eval()
shape = {shape}


def noise(step, stream):
    """Standard normal numbers (SAMPLES, …) that depend on the seed, the stream and the step alone: those that Philox, a
    generator that counts, makes with that key. Sixteen steps are made at once."""
    block, place = divmod(step, 16)
    size = math.prod(shape)
    philox = np.random.Philox(key=np.array([SEED, block], np.uint64), counter=np.array([0, 0, 0, stream], np.uint64))
    words = philox.random_raw(SAMPLES * size * 8).view(np.int32)  # 32 bits for each number
    even = torch.from_numpy(words.reshape(SAMPLES, 16, size)[:, place].astype(np.float32)) * (1 - 2**-24) / 2**31
    return (torch.erfinv(even) * math.sqrt(2)).view(SAMPLES, *shape)


def model_output(x_t, t):
    """What the network says, diffusers' timestep t counting from 0."""
{network}

# The schedule x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε, and the rule of a step.
scheduler = {scheduler_class}(
{scheduler}
)
{accurate}
{times}

with torch.no_grad():
    x_T = noise(0, stream=1){prior}
{loop}

x_0 = {last}.numpy()
print("x_0:", x_0.shape, "from", x_0.min(), "to", x_0.max())
np.save(Path(__file__).with_suffix(".npy"), x_0)
'''


def script(material: Material, name: str) -> str:
    """The text for a file `name`.py. Raises ModelError, one sentence, where plain diffusers cannot do the same."""
    run, facts = material.run(), material.model.facts
    if len(run.segments) > 1:
        raise _no("this run was changed on the way")
    if run.made < len(run.times):
        raise _no("this run is not finished")
    request = run.request
    if facts.format != FORMAT.name:
        raise _no("this model is not a folder of diffusers")
    if facts.kind != "image" or facts.prompted:
        raise _no("it works on latents or reads text")
    if request.sampler not in CLASSES:
        raise _no(f"it has no sampler that does what {chosen_sampler(request)[0].label} does")
    if request.initial is not None or request.first or request.edited is not None:
        raise _no("this run began with an x_t of its own")
    if request.guidance.kind == "classifier" and request.guidance.label is not None:
        raise _no("it has no classifier guidance")
    if request.model.schedule.name != OWN_SCHEDULE:
        raise _no("this run goes by another noise schedule than the model's own")
    if request.model.overrides or facts.corrected or facts.prediction not in PREDICTIONS:
        raise _no("the model's own configuration was corrected")
    model = parts(facts)
    if model.scheduler.family != "beta" or model.scheduler.log_sigma_input:
        raise _no("the model's schedule is not one of β")
    if model.scheduler.trained_betas:
        raise _no("the model's schedule is a list of numbers of its own")
    if model.scheduler.zero_terminal_snr and request.sampler not in ("ddim", "ddpm"):
        raise _no(f"its {CLASSES[request.sampler]} cannot begin without any signal")
    _, parameters = chosen_sampler(request)
    if parameters.clip and request.sampler not in CLIPPING:
        raise _no(f"its {CLASSES[request.sampler]} does not clip x̂₀; switch that off")
    if parameters.clip and parameters.percentile and parameters.clip_range != 1:
        raise _no("its dynamic thresholding knows the clip range 1 alone")
    if getattr(parameters, "variance", "") == "learned":
        raise _no("the variance is the network's own")
    prior = material.model.denoiser.schedule.prior_std(run.times[0])
    return TEMPLATE.format(
        title=f"{harmless(facts.title)}, {chosen_sampler(request)[0].label} with {request.steps} steps",
        name=f"{name}.py",
        stem=name,
        more="import sys\n" if request.sampler == "ddpm" else "",
        seed=request.seed,
        count=request.count,
        unet=str(model.unet),
        shape=facts.shape,
        network=_network(request.guidance, facts.null_label if facts.conditional else None, facts.shape[0]),
        scheduler_class=CLASSES[request.sampler],
        scheduler=_arguments(model, request, PREDICTIONS[facts.prediction], parameters),
        accurate="# Products of many numbers: in float32, their rounding would add up.\n"
        "scheduler.alphas_cumprod = torch.cumprod(1 - scheduler.betas.double(), 0)",
        times=_times(request, [int(number(t)) for t in run.times], facts.T, parameters),
        prior="" if prior == 1.0 else f" * {prior!r}",
        loop=_loop(request, parameters),
        last="y" if request.sampler in ("euler", "heun") else "x_t",
    )


def _no(why: str) -> ModelError:
    return ModelError(f"Plain diffusers cannot make this run again: {why}. The other script can.")


def _network(guidance: Guidance, null_label: int | None, channels: int) -> str:
    if null_label is None:
        return f"    return network(x_t, t).sample[:, :{channels}]\n"
    plain = f"    unconditional = network(x_t, t, torch.full((SAMPLES,), {null_label})).sample[:, :{channels}]\n"
    if guidance.label is None:
        return plain + "    return unconditional\n"
    conditional = (
        f"    conditional = network(x_t, t, torch.full((SAMPLES,), {guidance.label})).sample[:, :{channels}]\n"
    )
    text = conditional
    if guidance.interval is not None:
        low, high = guidance.interval
        text += f"    if not {low:g} <= t + 1 <= {high:g}:\n        return conditional\n"
    text += plain
    text += "    # Classifier-free guidance: γ = 0 is without the label, 1 with it, more goes beyond.\n"
    guided = f"unconditional + {guidance.scale!r} * (conditional - unconditional)"
    if not guidance.rescale:
        return text + f"    return {guided}\n"
    return (
        f"{text}    guided = {guided}\n"
        "    # Bring its contrast back towards that of the conditional output (Lin et al. 2024).\n"
        "    ratio = conditional.std((1, 2, 3), keepdim=True) / guided.std((1, 2, 3), keepdim=True)\n"
        f"    return {guidance.rescale!r} * guided * ratio + {1 - guidance.rescale!r} * guided\n"
    )


def _arguments(model: DiffusersParts, request: Run, prediction: str, parameters: Any) -> str:
    schedule = model.scheduler
    values: dict[str, Any] = {
        "num_train_timesteps": schedule.T,
        "beta_schedule": schedule.beta_schedule,
        "beta_start": schedule.beta_start,
        "beta_end": schedule.beta_end,
        "prediction_type": prediction,
    }
    if schedule.zero_terminal_snr:
        values["rescale_betas_zero_snr"] = True
    if request.sampler in CLIPPING:
        values |= {"clip_sample": parameters.clip, "clip_sample_range": parameters.clip_range}
        if parameters.clip and parameters.percentile:
            ratio = parameters.percentile / 100
            most = parameters.most or 1e9
            values |= {"thresholding": True, "dynamic_thresholding_ratio": ratio, "sample_max_value": most}
    if request.sampler == "ddim":
        values |= {"set_alpha_to_one": True, "timestep_spacing": parameters.spacing}
    if request.sampler == "ddpm":
        values["variance_type"] = {"beta_tilde": "fixed_small", "beta": "fixed_large"}[parameters.variance]
    return "\n".join(f"    {name}={value!r}," for name, value in values.items())


def _times(request: Run, times: list[int], T: int, parameters: Any) -> str:
    steps = len(times) - 1
    if request.sampler != "ddim":
        return f"scheduler.set_timesteps(timesteps={[t - 1 for t in times[:-1]]})"
    if not (parameters.spacing in ("leading", "trailing") and (T % steps == 0 or steps == 1)):
        raise _no("its DDIMScheduler knows even steps alone: choose a number of steps that divides T, leading")
    return f"scheduler.set_timesteps({steps})"


def _loop(request: Run, parameters: Any) -> str:
    if request.sampler in ("euler", "heun"):
        return """    # This scheduler goes along y = x_t / √ᾱ_t.
    y = x_T / scheduler.scale_model_input(torch.ones(()), scheduler.timesteps[0])
    for t in scheduler.timesteps:
        x_t = scheduler.scale_model_input(y, t)
        y = scheduler.step(model_output(x_t, t), t, y).prev_sample"""
    if request.sampler == "ddim" and parameters.eta:
        return f"""    x_t = x_T
    for step, t in enumerate(scheduler.timesteps, 1):
        fresh = noise(step, stream=2)
        x_t = scheduler.step(model_output(x_t, t), t, x_t, eta={parameters.eta!r}, variance_noise=fresh).prev_sample"""
    if request.sampler == "ddpm":
        return """    x_t = x_T
    for step, t in enumerate(scheduler.timesteps, 1):
        # This scheduler draws its noise with diffusers' randn_tensor: here it gets ours.
        sys.modules[DDPMScheduler.__module__].randn_tensor = lambda *_, step=step, **__: noise(step, stream=2)
        x_t = scheduler.step(model_output(x_t, t), t, x_t).prev_sample"""
    return """    x_t = x_T
    for t in scheduler.timesteps:
        x_t = scheduler.step(model_output(x_t, t), t, x_t).prev_sample"""
