"""Writers of references for networks whose sources are on GitHub and no packages (see `write_references.py`)."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from tests.formats.reference import write_reference
from tests.formats.reference_writing import SIGMAS, TIMES, config, fill, mocked, noise


def simple(name: str, network: nn.Module, x: Tensor, labels: Tensor | None = None) -> None:
    """Networks called with an index. Tables that are computed are kept."""

    def call(x: Tensor, t: int) -> Tensor:
        times = torch.full((len(x),), t)
        output: Tensor = network(x, times) if labels is None else network(x, times, labels)
        return output

    kept = {name: value.clone() for name, value in network.state_dict().items() if "emb" in name and value.ndim != 2}
    shapes = fill(network)
    fixed = {key: value for key, value in kept.items() if key == "pos_embed" or key.endswith(".emb")}
    network.load_state_dict({**network.state_dict(), **fixed})
    with torch.no_grad():
        outputs = torch.stack([call(x, t) for t in TIMES])
    write_reference(name, shapes, {"x": x, "outputs": outputs, **fixed}, times=TIMES)


def ddim() -> None:
    """ermongroup/ddim, commit 5e85a21: FOLDER holds `diffusion.py`."""
    model = {"ch": 32, "out_ch": 3, "ch_mult": (1, 2), "num_res_blocks": 1, "attn_resolutions": (8,), "dropout": 0.1}
    model |= {"in_channels": 3, "resamp_with_conv": True, "type": "simple"}
    given = config(model=model, data={"image_size": 16}, diffusion={"num_diffusion_timesteps": 1000})
    simple("ddim", importlib.import_module("diffusion").Model(given), noise(1, 3, 16, 16)[..., ::2, ::2])


def tiny(name: str, **options: Any) -> None:
    """tanelp/tiny-diffusion, commit 3aaa6c8: FOLDER holds `ddpm.py` and `positional_embeddings.py`."""
    mocked("matplotlib", "matplotlib.pyplot", "datasets")
    network = importlib.import_module("ddpm").MLP(hidden_size=16, hidden_layers=2, emb_size=8, **options)
    simple(name, network, noise(3, 2))


def dit() -> None:
    """facebookresearch/DiT, commit 00d70ac: FOLDER holds `models.py`, and the package timm 0.9.16."""
    mocked("torchvision", "torchvision.ops", "torchvision.ops.misc", "torchvision.transforms")
    mocked("torchvision.transforms.functional", "torchvision.datasets", "torchvision.datasets.folder")
    options = {"input_size": 8, "patch_size": 2, "in_channels": 4, "hidden_size": 64, "depth": 2, "num_heads": 1}
    network = importlib.import_module("models").DiT(**options, num_classes=3)
    simple("dit", network, noise(1, 4, 8, 8), torch.tensor([2]))


def score_sde(name: str, **options: Any) -> None:
    """yang-song/score_sde_pytorch, commit c8c18d1: FOLDER holds `models/` and `op/`, of which the path for the CPU.

    Not all of that commit could be had: `layers.py`, and what it takes of other helpers, come from the fork
    ashesh-0/score_sde_pytorch, commit aabd6ec, cut down by hand to what these networks use.
    """
    exploding = options["embedding_type"] == "fourier"
    model = {"nf": 16, "ch_mult": (1, 2), "num_res_blocks": 1, "attn_resolutions": (4,), "dropout": 0.1}
    model |= {"resamp_with_conv": True, "conditional": True, "fir": True, "fir_kernel": [1, 3, 3, 1]}
    model |= {"skip_rescale": True, "resblock_type": "biggan", "progressive_combine": "sum", "init_scale": 0.0}
    model |= {"fourier_scale": 16, "scale_by_sigma": exploding, "nonlinearity": "swish", **options}
    model |= {"sigma_min": 0.01, "sigma_max": 50, "num_scales": 1000}
    data = {"image_size": 8, "num_channels": 3, "centered": not exploding}
    given = config(model=model, data=data, training={"continuous": True})
    network = importlib.import_module("models.ncsnpp").NCSNpp(given)
    kept = {key: value.clone() for key, value in network.state_dict().items() if key in ("sigmas", "all_modules.0.W")}
    shapes = fill(network)
    network.load_state_dict({**network.state_dict(), **kept})
    x, labels = noise(1, 3, 8, 8), SIGMAS if exploding else tuple(float(t) for t in TIMES)
    with torch.no_grad():
        outputs = torch.stack([network(x, torch.tensor([label])) for label in labels])
    trained = [key for key, value in network.named_parameters() if value.requires_grad]
    write_reference(name, shapes, {"x": x, "outputs": outputs, **kept}, labels=labels, trained=trained)


def score_sde_ddpm(name: str, **options: Any) -> None:
    """models/ddpm.py of yang-song/score_sde_pytorch and its blocks in models/layers.py, both of commit c8c18d1, retyped
    twice with the same numbers: FOLDER as for `score_sde`."""
    model = {"nf": 32, "ch_mult": (1, 2), "num_res_blocks": 1, "attn_resolutions": (4,), "dropout": 0.1}
    model |= {"resamp_with_conv": True, "conditional": True, "scale_by_sigma": False, "nonlinearity": "swish"}
    model |= {"sigma_min": 0.01, "sigma_max": 50, "num_scales": 1000, **options}
    data = {"image_size": 8, "num_channels": 3, "centered": not model["scale_by_sigma"]}
    network = importlib.import_module("models.ddpm").DDPM(config(model=model, data=data))
    sigmas = network.sigmas.clone()
    shapes = fill(network)
    network.load_state_dict({**network.state_dict(), "sigmas": sigmas})
    network = network.float()
    x = noise(1, 3, 8, 8)
    with torch.no_grad():
        outputs = torch.stack([network(x, torch.tensor([label])) for label in TIMES])
    trained = [key for key, value in network.named_parameters() if value.requires_grad]
    write_reference(name, shapes, {"x": x, "outputs": outputs, "sigmas": sigmas}, labels=TIMES, trained=trained)


def ncsn(name: str) -> None:
    """models/cond_refinenet_dilated.py of ermongroup/ncsn, commit 80899cd, retyped twice with the same numbers: FOLDER
    holds that file."""
    model = {"ngf": 8, "num_classes": 10}
    given = config(model=model, data={"logit_transform": False, "channels": 1, "image_size": 28})
    network = importlib.import_module("cond_refinenet_dilated").CondRefineNetDilated(given)
    shapes = fill(network)
    x, labels = noise(2, 1, 28, 28), (0, 3, 5, 8, 9)
    with torch.no_grad():
        outputs = torch.stack([network(x, torch.tensor([label] * 2)) for label in labels])
    write_reference(name, shapes, {"x": x, "outputs": outputs}, labels=labels)


def ncsnv2(name: str, kind: str) -> None:
    """ermongroup/ncsnv2, commit bfae724: FOLDER holds `models/`. Of it, `layers.py` and `normalization.py` come from
    AlexiaJM/AdversarialConsistentScoreMatching, commit 284cabb, which took them over from ncsnv2."""
    model = {"ngf": 8, "num_classes": 10, "nonlinearity": "elu", "normalization": "InstanceNorm++"}
    model |= {"sigma_dist": "geometric", "sigma_begin": 50, "sigma_end": 0.01}
    given = config(model=model, data={"logit_transform": False, "rescaled": False, "channels": 3, "image_size": 16})
    given.device = "cpu"
    network = getattr(importlib.import_module("models.ncsnv2"), kind)(given)
    sigmas = network.sigmas.clone()
    shapes = fill(network)
    network.load_state_dict({**network.state_dict(), "sigmas": sigmas})
    x, labels = noise(2, 3, 16, 16), (0, 3, 5, 8, 9)
    with torch.no_grad():
        outputs = torch.stack([network(x, torch.tensor([label] * 2)) for label in labels])
    write_reference(name, shapes, {"x": x, "outputs": outputs, "sigmas": sigmas}, labels=labels)


def k_diffusion(name: str, **options: Any) -> None:
    """k-diffusion 0.1.1.post1: FOLDER holds the folder `k_diffusion`, of which only the networks are imported."""
    for package in ("k_diffusion", "k_diffusion.models"):
        module = types.ModuleType(package)
        module.__path__ = [str(Path(sys.argv[2], *package.split(".")))]
        sys.modules[package] = module
    mocked("dctorch", "einops", "scipy", "torchdiffeq", "torchsde", "torchvision", "torchvision.transforms")
    model = {"input_channels": 3, "mapping_out": 32, "depths": [1, 2], "channels": [32, 64], "patch_size": 1}
    model |= {"self_attn_depths": [False, True], "skip_stages": 0, "has_variance": False, **options}
    network = importlib.import_module("k_diffusion.models.image_v1").ImageDenoiserModelV1(
        model["input_channels"],
        model["mapping_out"],
        model["depths"],
        model["channels"],
        model["self_attn_depths"],
        patch_size=model["patch_size"],
        mapping_cond_dim=9,
        skip_stages=model["skip_stages"],
        has_variance=model["has_variance"],
    )
    kept = {key: value.clone() for key, value in network.state_dict().items() if key.endswith("kernel")}
    shapes = fill(network)
    network.load_state_dict({**network.state_dict(), **kept})
    wrapped = importlib.import_module("k_diffusion.layers").Denoiser(network, sigma_data=0.5)
    x = noise(1, 3, 16, 16)
    with torch.no_grad():
        calls = [wrapped(x * s, torch.tensor([s]), mapping_cond=torch.zeros(1, 9)) for s in SIGMAS]
    model |= {"type": "image_v1", "input_size": [16, 16], "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 80}
    write_reference(name, shapes, {"x": x, "outputs": torch.stack(calls), **kept}, sigmas=SIGMAS, model=model)


def k_transformer(name: str, kind: str, **options: Any) -> None:
    """“v1”: k-diffusion 0.1.1.post1; FOLDER holds the folder `k_diffusion`; einops 0.8.2. “v2”: the same, with
    models/image_transformer_v2.py of crowsonkb/k-diffusion, commit 21d12c9, retyped but for its neighborhood attention,
    which is NATTEN's; its layers give the numbers of those that the package hdit 0.0.1b6 took over.
    K_DIFFUSION_USE_COMPILE=0."""
    for package in ("k_diffusion", "k_diffusion.models"):
        module = types.ModuleType(package)
        module.__path__ = [str(Path(sys.argv[2], *package.split(".")))]
        sys.modules[package] = module
    mocked("dctorch", "scipy", "torchdiffeq", "torchsde", "torchvision", "torchvision.transforms")
    library = importlib.import_module(f"k_diffusion.models.image_transformer_{kind}")
    model: dict[str, Any]
    patch, classes = options.pop("patch_size"), 3 if kind == "v2" else 0
    if kind == "v1":
        network = library.ImageTransformerDenoiserModelV1(2, 128, 96, 3, 3, patch)
        model = {"depth": 2, "width": 128}
    else:
        made = {
            "shifted-window": lambda: library.ShiftedWindowAttentionSpec(32, 4),
            "none": library.NoAttentionSpec,
            "global": lambda: library.GlobalAttentionSpec(32),
        }
        widths = [32, 64, 96]
        levels = [
            library.LevelSpec(2, width, 2 * width, made[kind](), 0.0)
            for kind, width in zip(options["kinds"], widths, strict=True)
        ]
        mapping = library.MappingSpec(2, 48, 64, 0.0)
        network = library.ImageTransformerDenoiserModelV2(levels, mapping, 3, 3, patch, num_classes=classes + 1)
        attentions = [{"type": kind, "d_head": 32, "window_size": 4} for kind in options["kinds"]]
        model = {"depths": [2] * 3, "widths": widths, "self_attns": attentions}
    size = options["size"]
    kept = {
        key: value.clone()
        for key, value in network.state_dict().items()
        if key.endswith(("self_attn.scale", "pos_emb.freqs"))  # a scale is above 0
    }
    shapes = fill(network)
    network.load_state_dict({**network.state_dict(), **kept})
    wrapped = importlib.import_module("k_diffusion.layers").Denoiser(network, sigma_data=0.5)
    x, told = noise(1, 3, *size), {"class_cond": torch.tensor([2])} if classes else {}
    with torch.no_grad():
        calls = [wrapped(x * s, torch.tensor([s]), **told) for s in SIGMAS]
    model |= {"type": f"image_transformer_{kind}", "input_channels": 3, "input_size": list(size)}
    model |= {"patch_size": list(patch), "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 80}
    values = {"sigmas": SIGMAS, "model": model, "classes": classes}
    write_reference(name, shapes, {"x": x, "outputs": torch.stack(calls), **kept}, **values)
