"""Every scheduler's configuration read as diffusers reads it: the same x̂₀ as its own arithmetic gives."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from explorer.formats.schedulers import CLASSES

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers, numpy 2

TIMES = (1, 2, 37, 80, 99)
"""Not 100: where σ is greatest, one rounding of x_t in float32 is more than the tolerance."""
FOURIER = {"time_embedding_type": "fourier", "center_input_sample": True}


def reference(folder: Path, name: str = "unet") -> Any:
    from diffusers.models.unets.unet_2d import UNet2DModel

    return UNet2DModel.from_pretrained(folder / name, local_files_only=True, low_cpu_mem_usage=False).eval()


def scheduler_of(folder: Path, name: str) -> Any:
    import diffusers.schedulers

    return getattr(diffusers.schedulers, name).from_pretrained(folder / "scheduler")


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_what_each_class_takes_for_granted_is_what_diffusers_does() -> None:
    import diffusers.schedulers

    shared = {"timestep_spacing": "leading", "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear"}
    checked = 0
    for name, known in CLASSES.items():
        theirs = signature(getattr(diffusers.schedulers, name).__init__).parameters
        if "num_train_timesteps" not in theirs:
            continue  # it stands for a class whose library is not installed
        checked += 1
        expected = {"num_train_timesteps": 1000, **(shared if known.family == "beta" else {}), **known.defaults}
        for key, value in expected.items():
            if key in theirs:
                assert theirs[key].default == value, (name, key)
            elif key == "timestep_spacing":
                assert name in ("DPMSolverSinglestepScheduler", "RePaintScheduler")
        assert known.clips == ("clip_sample" in theirs), name
        if known.clips:
            assert theirs["clip_sample"].default == known.defaults.get("clip_sample", True), name
        if known.family == "beta":
            assert theirs.get("set_alpha_to_one") is None or theirs["set_alpha_to_one"].default == known.defaults.get(
                "set_alpha_to_one", True
            )
    assert checked > 20


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize(
    "name", ["EulerDiscreteScheduler", "HeunDiscreteScheduler", "EulerDiscreteScheduler, continuous"]
)
@torch.no_grad()
def test_schedulers_that_scale_their_input(write_unet: Callable[..., Path], name: str, prediction_type: str) -> None:
    """x/a and its σ, as these schedulers have it, is our x_t."""
    name, _, continuous = name.partition(", ")
    configuration = {"_class_name": name, "prediction_type": prediction_type, "num_train_timesteps": 100}
    if continuous:
        configuration["timestep_type"] = "continuous"
    folder = write_unet(scheduler=configuration)
    model, network = registry.load(folder, "cpu"), reference(folder)
    schedule, theirs = model.denoiser.schedule, scheduler_of(folder, name)
    for t in TIMES:
        theirs.set_timesteps(100)
        index = theirs.timesteps[list(theirs.timesteps).index(theirs.timesteps.unique().sort().values[t - 1])]
        x_t = noise(2, 3, 8, 8)
        x = x_t / schedule.signal(t)
        output = network(theirs.scale_model_input(x, index), index).sample
        if name == "EulerDiscreteScheduler":
            expected = theirs.step(output, index, x).pred_original_sample
        else:
            sigma = theirs.sigmas[theirs.step_index]
            expected = x - sigma * output
            if prediction_type == "v_prediction":
                expected = output * (-sigma / (sigma**2 + 1) ** 0.5) + x / (sigma**2 + 1)
        torch.testing.assert_close(model.denoiser(x_t, t).x0, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_score_sde_ve(write_unet: Callable[..., Path]) -> None:
    """As ScoreSdeVePipeline asks: the network is told σ, and gives the score."""
    configuration = {"_class_name": "ScoreSdeVeScheduler", "sigma_max": 20.0, "snr": 0.2, "correct_steps": 3}
    folder = write_unet(scheduler=configuration, **FOURIER)
    model, network = registry.load(folder, "cpu"), reference(folder)
    theirs = scheduler_of(folder, "ScoreSdeVeScheduler")
    theirs.set_timesteps(100)
    theirs.set_sigmas(100)
    facts = model.facts
    assert (facts.prediction, facts.schedule, facts.value_range) == ("score", "geometric", (0.0, 1.0))
    assert facts.sampler_defaults == {"clip": False, "spacing": "linspace", "snr": 0.2, "corrector_steps": 3}
    assert not any("finite" in warning for warning in facts.warnings)
    for t in TIMES:
        sigma = theirs.discrete_sigmas[t - 1]
        assert model.denoiser.schedule.noise(t) == pytest.approx(float(sigma), rel=1e-5)
        x_t = noise(2, 3, 8, 8)
        score = network(x_t, sigma * torch.ones(2)).sample
        torch.testing.assert_close(model.denoiser(x_t, t).score, score, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(model.denoiser(x_t, t).x0, x_t + sigma**2 * score, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("sigma_schedule", ["karras", "exponential"])
@torch.no_grad()
def test_edm(write_unet: Callable[..., Path], prediction_type: str, sigma_schedule: str) -> None:
    configuration = {"_class_name": "EDMEulerScheduler", "prediction_type": prediction_type, "sigma_max": 8.0}
    folder = write_unet(scheduler={**configuration, "sigma_schedule": sigma_schedule})
    model, network = registry.load(folder, "cpu"), reference(folder)
    assert model.facts.prediction == "x0"
    for t in TIMES:
        theirs = scheduler_of(folder, "EDMEulerScheduler")
        theirs.set_timesteps(100)
        told, sigma = theirs.timesteps[100 - t], theirs.sigmas[100 - t]
        x_t = noise(2, 3, 8, 8) * sigma
        output = network(theirs.scale_model_input(x_t, told), told).sample
        expected = theirs.precondition_outputs(x_t, output, sigma)
        assert model.denoiser.schedule.noise(t) == pytest.approx(float(sigma), rel=1e-5)
        torch.testing.assert_close(model.denoiser(x_t, t).x0, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_consistency_models(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(scheduler={"_class_name": "CMStochasticIterativeScheduler", "sigma_max": 8.0})
    model, network = registry.load(folder, "cpu"), reference(folder)
    assert any("consistency" in warning for warning in model.facts.warnings)
    for t in TIMES:
        theirs = scheduler_of(folder, "CMStochasticIterativeScheduler")
        theirs.set_timesteps(100)
        told, sigma = theirs.timesteps[100 - t], theirs.sigmas[100 - t]
        x_t = noise(2, 3, 8, 8) * sigma
        theirs._step_index = 100 - t
        output = network(theirs.scale_model_input(x_t, told), told.float()).sample
        skip, out = theirs.get_scalings_for_boundary_condition(sigma)
        torch.testing.assert_close(model.denoiser(x_t, t).x0, out * output + skip * x_t, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "configuration",
    [
        {"_class_name": "FlowMatchEulerDiscreteScheduler"},
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0},
        {"_class_name": "DPMSolverMultistepScheduler", "prediction_type": "flow_prediction", "use_flow_sigmas": True},
    ],
    ids=str,
)
@torch.no_grad()
def test_flow_matching(write_unet: Callable[..., Path], configuration: dict[str, Any]) -> None:
    folder = write_unet(scheduler=configuration)
    model, network = registry.load(folder, "cpu"), reference(folder)
    assert (model.facts.prediction, model.facts.schedule) == ("flow", "rectified_flow")
    assert any("shift" in warning for warning in model.facts.warnings) == ("shift" in configuration)
    for t in (*TIMES, 100, 12.5):
        x_t, sigma = noise(2, 3, 8, 8), t / 100
        velocity = network(x_t, torch.tensor(t)).sample
        prediction = model.denoiser(x_t, t)
        torch.testing.assert_close(prediction.x0, x_t - sigma * velocity, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(prediction.eps - prediction.x0, velocity, atol=1e-5, rtol=1e-5)


def test_betas_of_rare_schedules(write_unet: Callable[..., Path]) -> None:
    import diffusers.schedulers as theirs

    for number, (name, beta_schedule) in enumerate(
        [("DDPMScheduler", "sigmoid"), ("DDPMScheduler", "laplace"), ("HeunDiscreteScheduler", "exp")]
    ):
        folder = write_unet(
            scheduler={"_class_name": name, "beta_schedule": beta_schedule, "num_train_timesteps": 50}, name=str(number)
        )
        model = registry.load(folder, "cpu")
        expected = getattr(theirs, name)(num_train_timesteps=50, beta_schedule=beta_schedule).alphas_cumprod
        found = model.denoiser.schedule.signal(torch.arange(1, 51)) ** 2
        torch.testing.assert_close(found.float(), expected, atol=1e-6, rtol=0)
        assert model.denoiser.schedule.name == model.facts.schedule


def test_weights_to_choose_from(write_unet: Callable[..., Path]) -> None:
    """Running means first; what else there is can be asked for by name."""
    folder = write_unet()
    shutil.copytree(folder / "unet", folder / "unet_ema")
    network = reference(folder)
    for parameter in network.parameters():
        parameter.data.mul_(0.5)
    network.save_pretrained(folder / "unet_ema")
    network.half().save_pretrained(folder / "unet", variant="fp16")
    facts = registry.inspect(folder)
    assert facts.weight_sets == ("ema", "raw", "raw, fp16")
    assert facts.weights == "ema"
    x_t = noise(1, 3, 8, 8)
    by_name = {name: registry.load(folder, "cpu", {"weights": name}) for name in facts.weight_sets}
    outputs = {name: model.denoiser(x_t, 50).output for name, model in by_name.items()}
    assert torch.equal(outputs["ema"], registry.load(folder, "cpu").denoiser(x_t, 50).output)
    torch.testing.assert_close(outputs["raw"], reference(folder)(x_t, 49).sample, atol=1e-5, rtol=0)
    torch.testing.assert_close(outputs["ema"], reference(folder, "unet_ema")(x_t, 49).sample, atol=1e-5, rtol=0)
    assert not torch.allclose(outputs["raw"], outputs["ema"], atol=1e-3)
    torch.testing.assert_close(outputs["raw, fp16"], outputs["ema"], atol=1e-3, rtol=0)
    assert {fact.source for fact in by_name["raw"].facts.evidence if fact.name == "set of weights"} == {"user"}
    other = registry.inspect(folder, {"weights": "nothing"})
    assert other.weights == "ema"
    assert any("“nothing” is not used" in warning for warning in other.warnings)


def test_variants_of_weights(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    network = reference(folder)
    assert registry.inspect(folder).weight_sets == ()
    network.half().save_pretrained(folder / "unet", variant="fp16")
    assert registry.inspect(folder).weight_sets == ("full", "fp16")
    network.save_pretrained(folder / "unet", variant="non_ema", safe_serialization=False)
    facts = registry.inspect(folder)
    assert (facts.weight_sets, facts.weights) == (("ema", "ema, fp16", "raw"), "ema")


def test_an_unknown_scheduler(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(scheduler={"_class_name": "os.system"})
    with pytest.raises(ModelError, match="scheduler: only diffusers's"):
        registry.inspect(folder)
    (folder / "model_index.json").unlink()
    with pytest.raises(ModelError, match=r"describes a 'os.system', which is not read"):
        registry.inspect(folder)
