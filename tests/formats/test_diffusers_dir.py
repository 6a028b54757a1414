"""The same numbers as diffusers, from every layout of its folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from explorer.diffusion.variance import learned_variance
from explorer.formats import registry
from explorer.formats.evidence import Evidence
from explorer.formats.fields import Fields
from explorer.formats.scheduler_config import read_scheduler_config
from tests.formats.inside import network_of

KINDS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v"}
TIMES = (1, 2, 37, 99, 100)


def reference(folder: Path) -> Any:
    """diffusers' own network, with diffusers' own loading."""
    from diffusers.models.unets.unet_2d import UNet2DModel

    return UNet2DModel.from_pretrained(folder / "unet", local_files_only=True, low_cpu_mem_usage=False).eval()


def noise(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("prediction_type", KINDS)
@torch.no_grad()
def test_predictions_are_those_of_diffusers(write_unet: Callable[..., Path], prediction_type: str) -> None:
    folder = write_unet(scheduler={"prediction_type": prediction_type})
    model, network = registry.load(folder, "cpu"), reference(folder)
    assert model.facts.prediction == KINDS[prediction_type]
    x_t = noise(3, 3, 8, 8)
    for t in TIMES:
        prediction = model.denoiser(x_t, t)
        a, s = model.denoiser.schedule.signal(t), model.denoiser.schedule.noise(t)
        output = network(x_t, t - 1).sample
        if prediction_type == "epsilon":
            x0 = (x_t - s * output) / a
        else:
            x0 = output if prediction_type == "sample" else a * x_t - s * output
        torch.testing.assert_close(prediction.output, output, atol=1e-5, rtol=0)
        torch.testing.assert_close(prediction.x0, x0, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("file", ["fp16", "bin", "fp16.bin", "legacy bin"])
@torch.no_grad()
def test_other_weight_files_give_the_same_network(write_unet: Callable[..., Path], file: str) -> None:
    folder = write_unet()
    network = reference(folder)
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    if file == "fp16":
        network.half().save_pretrained(folder / "unet", variant="fp16")
    elif file == "bin":
        network.save_pretrained(folder / "unet", safe_serialization=False)
    elif file == "fp16.bin":
        network.half().save_pretrained(folder / "unet", variant="fp16", safe_serialization=False)
    else:
        weights = folder / "unet" / "diffusion_pytorch_model.bin"
        torch.save(network.state_dict(), weights, _use_new_zipfile_serialization=False)
    x_t = noise(2, 3, 8, 8)
    output = registry.load(folder, "cpu").denoiser(x_t, 50).output
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, network.float()(x_t, 49).sample, atol=1e-5, rtol=0)


@torch.no_grad()
def test_attention_weights_may_have_their_old_names(write_unet: Callable[..., Path]) -> None:
    from safetensors.torch import load_file, save_file

    folder = write_unet()
    network, file = reference(folder), folder / "unet" / "diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    state = load_file(file)
    for new, name in old.items():
        state = {key.replace(f".{new}.", f".{name}."): value for key, value in state.items()}
    assert any(".query." in name for name in state)
    save_file(state, file)
    x_t = noise(2, 3, 8, 8)
    output = registry.load(folder, "cpu").denoiser(x_t, 50).output
    torch.testing.assert_close(output, network(x_t, 49).sample, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "unet",
    [
        {"time_embedding_type": "learned", "num_train_timesteps": 100},
        {"class_embed_type": "timestep"},
        {"down_block_types": ("ResnetDownsampleBlock2D",) * 2, "up_block_types": ("ResnetUpsampleBlock2D",) * 2},
        {
            "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D"),
            "up_block_types": ("AttnSkipUpBlock2D", "SkipUpBlock2D"),
            "block_out_channels": (32, 32),
        },
        {"resnet_time_scale_shift": "scale_shift", "attention_head_dim": None, "flip_sin_to_cos": False},
        {"mid_block_type": None, "downsample_padding": 0, "freq_shift": 1},
    ],
    ids=str,
)
@torch.no_grad()
def test_other_networks(write_unet: Callable[..., Path], unet: dict[str, Any]) -> None:
    folder = write_unet(card={"class_names": ["a", "b"]}, **unet)
    labels = torch.tensor([0, 1]) if "class_embed_type" in unet else None
    x_t = noise(2, 3, 8, 8)
    output = registry.load(folder, "cpu").denoiser(x_t, 50, labels).output
    torch.testing.assert_close(output, reference(folder)(x_t, 49, labels).sample, atol=1e-5, rtol=0)


SCHEDULERS: list[dict[str, Any]] = [
    {},
    {"beta_schedule": "linear", "beta_start": 0.001, "beta_end": 0.05, "num_train_timesteps": 200},
    {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012},
    {"beta_schedule": "squaredcos_cap_v2"},
    {"trained_betas": [0.01, 0.02, 0.1, 0.5], "num_train_timesteps": 4},
    {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True},
    {"beta_schedule": "squaredcos_cap_v2", "rescale_betas_zero_snr": True},
]


@pytest.mark.parametrize("configuration", SCHEDULERS, ids=str)
def test_schedule_equals_alphas_cumprod(configuration: dict[str, Any]) -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    theirs = DDIMScheduler(**configuration)
    values = {"_class_name": "DDIMScheduler", **configuration}
    ours = read_scheduler_config(Fields(values, "scheduler_config.json"), "scheduler_config.json", Evidence())
    schedule = ours.schedule()
    assert schedule.T == ours.T == len(theirs.alphas_cumprod)
    assert schedule.name == ours.schedule_name
    difference = schedule.signal(torch.arange(1, ours.T + 1)) ** 2 - theirs.alphas_cumprod.double()
    assert difference.abs().max() < 1e-6
    assert (schedule.signal(0), schedule.noise(0)) == (1.0, 0.0)
    if configuration.get("rescale_betas_zero_snr"):
        assert schedule.signal(schedule.T) == 0.0


def test_trained_betas_win(write_unet: Callable[..., Path]) -> None:
    betas = [0.1, 0.2, 0.3]
    model = registry.load(
        write_unet(scheduler={"trained_betas": betas, "beta_schedule": "sigmoid", "num_train_timesteps": 3}), "cpu"
    )
    assert model.facts.T == 3
    assert model.facts.schedule == "trained betas"
    assert model.denoiser.schedule.betas is not None
    assert model.denoiser.schedule.betas.tolist() == betas


@torch.no_grad()
def test_labels_and_the_null_label(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(card={"class_names": ["cat", "dog"], "null_label": 2}, num_class_embeds=3)
    model, network = registry.load(folder, "cpu"), reference(folder)
    assert model.facts.class_names == ("cat", "dog")
    assert model.facts.null_label == 2
    assert model.facts.guidable
    x_t = noise(3, 3, 8, 8)

    def expected(*labels: int) -> torch.Tensor:
        output: torch.Tensor = network(x_t, 9, class_labels=torch.tensor(labels)).sample
        return output

    torch.testing.assert_close(model.denoiser(x_t, 10).output, expected(2, 2, 2), atol=1e-5, rtol=0)
    labels = torch.tensor([0, -1, 1])
    torch.testing.assert_close(model.denoiser(x_t, 10, labels).output, expected(0, 2, 1), atol=1e-5, rtol=0)
    assert labels.tolist() == [0, -1, 1]


@torch.no_grad()
def test_without_a_null_label_class_0_is_used(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(num_class_embeds=3)
    model, network = registry.load(folder, "cpu"), reference(folder)
    assert model.facts.class_names == ("0", "1", "2")
    assert not model.facts.guidable
    assert any("class 0" in warning for warning in model.facts.warnings)
    x_t = noise(2, 3, 8, 8)
    expected = network(x_t, 9, class_labels=torch.tensor([0, 0])).sample
    torch.testing.assert_close(model.denoiser(x_t, 10).output, expected, atol=1e-5, rtol=0)


def test_an_unconditional_network_takes_no_label(write_unet: Callable[..., Path]) -> None:
    model = registry.load(write_unet(card={"class_names": ["a"]}), "cpu")
    assert not model.facts.conditional
    assert any("no labels" in warning for warning in model.facts.warnings)
    assert model.denoiser(noise(1, 3, 8, 8), 5, torch.tensor([0])).output.shape == (1, 3, 8, 8)


@torch.no_grad()
@pytest.mark.parametrize("variance_type", ["learned_range", "learned", None])
def test_learned_variance(write_unet: Callable[..., Path], variance_type: str | None) -> None:
    folder = write_unet(scheduler={"variance_type": variance_type} if variance_type else {}, out_channels=6)
    model, network = registry.load(folder, "cpu"), reference(folder)
    x_t = noise(2, 3, 8, 8)
    found, expected = model.denoiser(x_t, 10), network(x_t, 9).sample
    torch.testing.assert_close(found.output, expected[:, :3].contiguous(), atol=1e-5, rtol=0)
    warned = any("learned variance" in warning for warning in model.facts.warnings)
    if variance_type == "learned_range":
        assert found.variance_fraction is not None
        torch.testing.assert_close(2 * found.variance_fraction - 1, expected[:, 3:], atol=1e-5, rtol=0)
        assert model.facts.sampler_defaults["variance"] == "learned"
        assert not warned
    elif variance_type == "learned":
        assert found.variance_fraction is not None
        variance = learned_variance(model.denoiser.schedule, 10, 9, found.variance_fraction)
        torch.testing.assert_close(variance, expected[:, 3:].clamp(min=1e-20), atol=1e-6, rtol=1e-4)
        assert model.facts.sampler_defaults["variance"] == "learned"
        assert not warned
    else:
        assert found.variance_fraction is None
        assert model.facts.sampler_defaults["variance"] == "beta_tilde"
        assert warned


@torch.no_grad()
def test_a_run_with_learned_variance_is_that_of_diffusers(
    write_unet: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way: a folder, the engine, DDPM with the network's own variance."""
    from diffusers.schedulers import scheduling_ddpm
    from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

    from explorer.diffusion.noise import NoiseSource
    from explorer.engine.engine import Engine
    from explorer.engine.frame import Seen
    from explorer.request import Guidance, ModelRef, Run

    folder = write_unet(scheduler={"variance_type": "learned_range"}, out_channels=6)
    network, theirs = reference(folder), DDPMScheduler.from_pretrained(folder / "scheduler")
    theirs.set_timesteps(10)
    engine, defaults = Engine(), registry.inspect(folder).sampler_defaults
    request = Run(ModelRef(str(folder), "cpu"), 1, "ddpm", 10, 3, 2, Guidance(), ("variance",), defaults)
    frames = [frame for frame in engine.answer(request) if isinstance(frame, Seen)]
    steps = engine.trajectory(1).steps
    random, current = NoiseSource(3, 2, (3, 8, 8), torch.device("cpu")), 0
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *args, **kwargs: random(current))
    x = steps[0].x.clone()
    for index, step, frame in zip(theirs.timesteps, steps[1:], frames, strict=False):
        current = step.index
        output = network(x, int(index)).sample
        log_variance = theirs._get_variance(int(index), predicted_variance=output[:, 3:])
        torch.testing.assert_close(
            torch.from_numpy(frame.tiles["variance"].data), log_variance.exp(), rtol=5e-3, atol=1e-8
        )
        x = theirs.step(output, int(index), x).prev_sample
        torch.testing.assert_close(step.x.clone(), x, atol=1e-3, rtol=1e-3)


class NoCPU(TorchDispatchMode):
    """Fails on any operation that takes a tensor on the CPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for leaf in tree_leaves((args, kwargs or {})):
            assert not isinstance(leaf, torch.Tensor) or leaf.device.type == "meta", func
        return func(*args, **(kwargs or {}))


def test_no_tensor_on_the_cpu_is_in_the_way(write_unet: Callable[..., Path]) -> None:
    model = registry.load(write_unet(card={"null_label": 3}, num_class_embeds=4), "meta")
    x_t, labels = torch.empty(2, 3, 8, 8, device="meta"), torch.zeros(2, dtype=torch.int64, device="meta")
    with NoCPU(), torch.no_grad():  # type: ignore[no-untyped-call]  # the base has no type
        for condition in (None, labels):
            prediction = model.denoiser(x_t, 50, condition)
            assert {prediction.x0.device.type, prediction.eps.device.type, prediction.v.device.type} == {"meta"}


def test_weights_are_ready_for_use(write_unet: Callable[..., Path]) -> None:
    model = registry.load(write_unet(), "cpu")
    network: torch.nn.Module = network_of(model).network
    assert not network.training
    for parameter in network.parameters():
        assert parameter.dtype == torch.float32
        assert not parameter.requires_grad
        assert parameter.is_contiguous()


def test_weights_do_not_depend_on_the_file_any_more(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    model = registry.load(folder, "cpu")
    x_t = noise(1, 3, 8, 8)
    before = model.denoiser(x_t, 10).output
    file = folder / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(bytes(file.stat().st_size))
    assert torch.equal(model.denoiser(x_t, 10).output, before)
