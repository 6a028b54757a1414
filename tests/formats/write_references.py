"""Writes `references/*.npz` anew, each with the library that defines its networks. Run by hand, never by the tests:

    python -m tests.formats.write_references NAME [FOLDER]

FOLDER is where the library's source lies, for those that are not installed as packages, with its own names for files
and folders. Which release a reference was written with stands beside it below.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import torch
from torch import Tensor, nn

from tests.formats.reference import weights, write_reference
from tests.formats.reference_sources import (
    ddim,
    dit,
    k_diffusion,
    k_transformer,
    ncsn,
    ncsnv2,
    score_sde,
    score_sde_ddpm,
    tiny,
)
from tests.formats.reference_writing import SIGMAS, TIMES, fill, mocked, noise, write


def lucidrains(release: str) -> None:
    """denoising-diffusion-pytorch 1.0.0, 1.9.4 and 2.3.4; release: the first of these numbers."""
    for module in ("torchvision", "torchvision.transforms", "torchvision.utils"):
        sys.modules[module] = MagicMock()  # for the training on folders of pictures alone
    library = importlib.import_module("denoising_diffusion_pytorch.denoising_diffusion_pytorch")
    options: dict[str, Any] = {"dim": 16, "resnet_block_groups": 8} if release != "2" else {"dim": 8}
    if release == "2":
        options |= {"full_attn": (False, True), "attn_heads": 2, "attn_dim_head": 5}
    network = library.Unet(dim_mults=(1, 2), **options)

    def call(x: Tensor, t: int) -> Tensor:
        output: Tensor = network(x, torch.full((len(x),), t))
        return output

    write(f"lucidrains_{release}", network, call, noise(1, 3, 8, 8))


def lucidrains_continuous() -> None:
    """A network of denoising-diffusion-pytorch 2.3.4 that keeps the frequencies of its time features."""
    for module in ("torchvision", "torchvision.transforms", "torchvision.utils"):
        sys.modules[module] = MagicMock()
    library = importlib.import_module("denoising_diffusion_pytorch.denoising_diffusion_pytorch")
    network = library.Unet(dim=8, dim_mults=(1, 2), learned_sinusoidal_cond=True, attn_heads=2, attn_dim_head=5)

    def call(x: Tensor, t: int) -> Tensor:
        output: Tensor = network(x, torch.full((len(x),), (t - 500) / 100))
        return output

    write("lucidrains_continuous", network, call, noise(1, 3, 8, 8))


def lucidrains_classes(release: str) -> None:
    """classifier_free_guidance.py of denoising-diffusion-pytorch 1.0.0, 1.9.4 and 2.3.4; with labels 2 and none."""
    for module in ("torchvision", "torchvision.transforms", "torchvision.utils"):
        sys.modules[module] = MagicMock()
    package = types.ModuleType("denoising_diffusion_pytorch")  # of which this one file is wanted
    package.__path__ = [str(Path(sys.argv[2], "denoising_diffusion_pytorch"))]
    sys.modules["denoising_diffusion_pytorch"] = package
    library = importlib.import_module("denoising_diffusion_pytorch.classifier_free_guidance")
    network = library.Unet(dim=16, num_classes=3, dim_mults=(1, 2))
    shapes = fill(network)
    x, labels = noise(2, 3, 8, 8), torch.tensor([2, 2])

    def call(t: int) -> Tensor:
        times = torch.full((2,), t)
        with_label = network(x, times, labels, cond_drop_prob=0.0)[:1]
        return torch.cat((with_label, network(x, times, labels, cond_drop_prob=1.0)[1:]))

    with torch.no_grad():
        outputs = torch.stack([call(t) for t in TIMES])
    write_reference(f"lucidrains_classes_{release}", shapes, {"x": x, "outputs": outputs}, times=TIMES)


def lucidrains_file() -> None:
    """What `Trainer.save` of denoising-diffusion-pytorch 2.3.4 puts into a file, with the average of ema-pytorch 0.8.3:
    both tables' names, and the numbers in them that are no weights. FOLDER holds both packages."""
    mocked("accelerate", "pytorch_fid", "pytorch_fid.fid_score", "pytorch_fid.inception", "torchvision")
    mocked("torchvision.transforms", "torchvision.utils")
    library = importlib.import_module("denoising_diffusion_pytorch.denoising_diffusion_pytorch")
    network = library.Unet(dim=8, dim_mults=(1, 2), flash_attn=False)
    options = {"image_size": 8, "timesteps": 100, "objective": "pred_x0", "beta_schedule": "cosine"}
    diffusion = library.GaussianDiffusion(network, **options)
    average = importlib.import_module("ema_pytorch").EMA(diffusion)
    weighted = {f"model.{name}" for name, _ in network.named_parameters()}
    model, ema = diffusion.state_dict(), average.state_dict()
    fixed = {name: value.clone() for name, value in model.items() if name not in weighted}
    shapes = {f"ema_model.{name}": list(model[name].shape) for name in weighted}
    filled = {name.removeprefix("ema_model."): value for name, value in weights(shapes).items()}
    diffusion.load_state_dict({**filled, **fixed})
    x, times = noise(1, 3, 8, 8), (0, 1, 36, 70, 99)
    with torch.no_grad():
        calls = [diffusion.model_predictions(x, torch.full((1,), t)).pred_x_start for t in times]
    arrays = {"x": x, "outputs": torch.stack(calls), **{f"fixed:{name}": value for name, value in fixed.items()}}
    write_reference("lucidrains_file", shapes, arrays, times=times, model=list(model), ema=list(ema))


def adm(name: str, module: str, **options: Any) -> None:
    """guided-diffusion, the package guided-diffusion-sdk 1.0.0; improved-diffusion, the package
    improved-diffusion-for-smlm 0.4.8, which holds the original unchanged. FOLDER holds the folder."""
    library = importlib.import_module(f"{module}.unet")
    options = {"model_channels": 32, "num_res_blocks": 1, "channel_mult": (1, 2), "dropout": 0.1} | options
    options = {"in_channels": 3, "out_channels": 6, "num_classes": 3} | options
    if module == "guided_diffusion":
        options["image_size"] = 8
    network = library.UNetModel(attention_resolutions=(2,), **options)
    labels = torch.tensor([2]) if options["num_classes"] else None

    def call(x: Tensor, t: int) -> Tensor:
        output: Tensor = network(x, torch.full((len(x),), t), labels)
        return output

    write(name, network, call, noise(1, 3, 8, 8))


def edm(name: str, kind: str, model_type: str, sigmas: tuple[float, ...], **options: Any) -> None:
    """nvidia-modulus 0.4.0, where NVlabs' networks live on unchanged; FOLDER holds the folder `modulus`, of which
    only the networks are imported."""
    for package in ("modulus", "modulus.models", "modulus.models.diffusion"):
        module = types.ModuleType(package)
        module.__path__ = [str(Path(sys.argv[2], *package.split(".")))]
        sys.modules[package] = module
    base: Any = types.ModuleType("modulus.models.module")
    meta: Any = types.ModuleType("modulus.models.meta")
    base.Module = type("Module", (nn.Module,), {"__init__": lambda self, meta: nn.Module.__init__(self)})
    meta.ModelMetaData = dataclasses.make_dataclass("ModelMetaData", [("name", str, "")])
    sys.modules |= {"modulus.models.module": base, "modulus.models.meta": meta}
    spec = sys.modules["modulus.models.diffusion"]
    exec(Path(spec.__path__[0], "__init__.py").read_text(), vars(spec))  # noqa: S102
    arguments = {"img_resolution": 8, "img_channels": 3, "model_type": model_type, **options}
    network = getattr(spec, kind)(**arguments)
    levels = {name: value.clone() for name, value in network.named_buffers() if name == "u"}
    shapes = fill(network)
    network.load_state_dict({**network.state_dict(), **levels})
    x = noise(1, 3, 8, 8)
    label = nn.functional.one_hot(torch.tensor([1]), options["label_dim"]) if "label_dim" in options else None
    with torch.no_grad():
        outputs = torch.stack([network(x * s, torch.tensor([s]), label) for s in sigmas])
    write_reference(name, shapes, {"x": x, "outputs": outputs}, sigmas=sigmas, kind=kind, arguments=arguments)


def edm2(name: str, **options: Any) -> None:
    """training/networks_edm2.py of NVlabs/edm2 (commit d8299d3): FOLDER holds that file, retyped twice with the
    same numbers, and a torch_utils that does nothing."""
    library = importlib.import_module("networks_edm2")
    arguments = {"img_resolution": 8, "model_channels": 32, "channel_mult": [1, 2], "num_blocks": 1, **options}
    arguments |= {"channels_per_head": 16, "attn_resolutions": [4]}
    network = library.Precond(use_fp16=False, **arguments)
    shapes = fill(network)
    channels, labels = arguments["img_channels"], None
    if arguments["label_dim"]:
        labels = nn.functional.one_hot(torch.tensor([1]), arguments["label_dim"])
    x = noise(1, channels, 8, 8)
    with torch.no_grad():
        outputs = torch.stack([network(x * s, torch.tensor([s]), labels) for s in SIGMAS])
    write_reference(name, shapes, {"x": x, "outputs": outputs}, sigmas=SIGMAS, arguments=arguments)


def ldm(name: str, context: bool) -> None:
    """The package ldm-fix 1.0.1, which holds CompVis' modules unchanged."""
    library = importlib.import_module("ldm.modules.diffusionmodules.openaimodel")
    options: dict[str, Any] = {"num_head_channels": 32}
    if context:
        options = {"num_heads": 2, "use_spatial_transformer": True, "context_dim": 16}
    network = library.UNetModel(
        image_size=8,
        in_channels=3,
        out_channels=3,
        model_channels=32,
        num_res_blocks=1,
        attention_resolutions=(2,),
        channel_mult=(1, 2),
        **options,
    )
    token = weights({"cond_stage_model.embedding.weight": (4, 16)}).popitem()[1][2][None, None] if context else None

    def call(x: Tensor, t: int) -> Tensor:
        output: Tensor = network(x, torch.full((len(x),), t), context=token)
        return output

    write(name, network, call, noise(1, 3, 8, 8))


def first_stage(name: str, quantised: bool) -> None:
    """The autoencoders of the package ldm-fix 1.0.1, the table of vectors of taming-transformers-rom1504 0.0.6."""
    lightning: Any = types.ModuleType("pytorch_lightning")
    lightning.LightningModule = nn.Module
    lightning.Callback = lightning.Trainer = object
    sys.modules["pytorch_lightning"] = lightning
    sys.modules |= {n: MagicMock() for n in ("torchvision", "torchvision.utils", "main", "omegaconf")}
    library: Any = importlib.import_module("ldm.models.autoencoder")
    library.instantiate_from_config = lambda _: None
    config: dict[str, Any] = {
        "double_z": not quantised,
        "z_channels": 4,
        "resolution": 16,
        "in_channels": 3,
        "out_ch": 3,
        "ch": 32,
    }
    config |= {"ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [8] if quantised else [], "dropout": 0.0}
    if quantised:
        network = library.VQModelInterface(4, config, None, n_embed=16)
    else:
        network = library.AutoencoderKL(config, None, embed_dim=4)
    shapes = fill(network)
    latents, pictures = noise(2, 4, 8, 8), noise(2, 3, 16, 16)
    with torch.no_grad():
        encoded = network.encode(pictures)
        arrays = {"latents": latents, "pictures": pictures, "decoded": network.decode(latents)}
    write_reference(name, shapes, arrays | {"encoded": encoded if quantised else encoded.mode()})


SMALL = {"model_channels": 16, "channel_mult": [1, 2], "num_blocks": 1, "attn_resolutions": [4]}

WRITERS: dict[str, Callable[[], None]] = {
    "lucidrains_1.0": lambda: lucidrains("1.0"),
    "lucidrains_1.9": lambda: lucidrains("1.9"),
    "lucidrains_2": lambda: lucidrains("2"),
    "lucidrains_continuous": lucidrains_continuous,
    "lucidrains_file": lucidrains_file,
    "lucidrains_classes_1.0": lambda: lucidrains_classes("1.0"),
    "lucidrains_classes_1.9": lambda: lucidrains_classes("1.9"),
    "lucidrains_classes_2": lambda: lucidrains_classes("2"),
    "edm_ddpmpp": lambda: edm("edm_ddpmpp", "EDMPrecond", "SongUNet", SIGMAS, label_dim=3, augment_dim=9, **SMALL),
    "edm_ncsnpp": lambda: edm(
        "edm_ncsnpp",
        "VEPrecond",
        "SongUNet",
        SIGMAS,
        embedding_type="fourier",
        encoder_type="residual",
        decoder_type="standard",
        channel_mult_noise=2,
        resample_filter=[1, 3, 3, 1],
        **SMALL,
    ),
    "edm_skip": lambda: edm(
        "edm_skip",
        "VPPrecond",
        "SongUNet",
        SIGMAS,
        encoder_type="skip",
        decoder_type="skip",
        resample_filter=[1, 3, 3, 1],
        **SMALL,
    ),
    "edm_adm": lambda: edm(
        "edm_adm",
        "iDDPMPrecond",
        "DhariwalUNet",
        SIGMAS,
        label_dim=3,
        model_channels=32,
        channel_mult=[1, 2],
        num_blocks=1,
        attn_resolutions=[4],
        label_dropout=0.1,
    ),
    "edm2": lambda: edm2("edm2", img_channels=4, label_dim=3),
    "edm2_rgb": lambda: edm2("edm2_rgb", img_channels=3, label_dim=0, res_balance=0.4, clip_act=None),
    "ddim": ddim,
    "tiny": lambda: tiny("tiny"),
    "tiny_learned": lambda: tiny("tiny_learned", time_emb="learnable"),
    "dit": dit,
    "ldm": lambda: ldm("ldm", False),
    "ldm_context": lambda: ldm("ldm_context", True),
    "ldm_kl": lambda: first_stage("ldm_kl", False),
    "ldm_vq": lambda: first_stage("ldm_vq", True),
    "score_sde_vp": lambda: score_sde(
        "score_sde_vp", embedding_type="positional", progressive="none", progressive_input="none", fir=False
    ),
    "score_sde_vp_fir": lambda: score_sde(
        "score_sde_vp_fir", embedding_type="positional", progressive="none", progressive_input="residual"
    ),
    "score_sde_ve": lambda: score_sde(
        "score_sde_ve", embedding_type="fourier", progressive="none", progressive_input="residual"
    ),
    "score_sde_skip": lambda: score_sde(
        "score_sde_skip", embedding_type="fourier", progressive="output_skip", progressive_input="input_skip"
    ),
    "score_sde_ddpm": lambda: score_sde_ddpm("score_sde_ddpm"),
    "score_sde_ddpm_ve": lambda: score_sde_ddpm("score_sde_ddpm_ve", scale_by_sigma=True),
    "ncsn": lambda: ncsn("ncsn"),
    "ncsnv2": lambda: ncsnv2("ncsnv2", "NCSNv2"),
    "ncsnv2_deeper": lambda: ncsnv2("ncsnv2_deeper", "NCSNv2Deeper"),
    "ncsnv2_deepest": lambda: ncsnv2("ncsnv2_deepest", "NCSNv2Deepest"),
    "k_diffusion": lambda: k_diffusion("k_diffusion"),
    "k_diffusion_grown": lambda: k_diffusion(
        "k_diffusion_grown",
        depths=[1, 1, 1],
        channels=[32, 32, 64],
        self_attn_depths=[False, True, True],
        patch_size=2,
        skip_stages=1,
        has_variance=True,
    ),
    "k_transformer_v1": lambda: k_transformer("k_transformer_v1", "v1", patch_size=(2, 4), size=(16, 24)),
    "k_transformer_v2": lambda: k_transformer(
        "k_transformer_v2", "v2", patch_size=(2, 2), size=(32, 16), kinds=("shifted-window", "none", "global")
    ),
    "guided": lambda: adm(
        "guided",
        "guided_diffusion",
        use_scale_shift_norm=True,
        resblock_updown=True,
        num_head_channels=32,
        use_new_attention_order=True,
    ),
    "improved": lambda: adm(
        "improved", "improved_diffusion_for_SMLM.improved_diffusion", num_heads=4, num_classes=None, out_channels=3
    ),
}

if __name__ == "__main__":
    sys.path[:0] = sys.argv[2:]
    WRITERS[sys.argv[1]]()
