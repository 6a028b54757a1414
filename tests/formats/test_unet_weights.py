"""A UNet2DModel's weights without its configuration: the same numbers as diffusers'."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from explorer.facts import ModelError
from explorer.formats import registry
from tests.formats.conftest import UNET, WriteUNet
from tests.formats.reference import assert_close

LABELLED = {**UNET, "block_out_channels": (8, 32), "attention_head_dim": 16, "num_class_embeds": 3}


@torch.no_grad()
def test_the_same_as_diffusers(tmp_path: Path) -> None:
    from diffusers.models.unets.unet_2d import UNet2DModel

    torch.manual_seed(0)
    network = UNet2DModel(**LABELLED).eval()
    torch.save({"model_state_dict": network.state_dict()}, tmp_path / "last.pt")
    said = {"size": 8, "groups": 4, "heads": "of 16 channels"}
    model = registry.load(tmp_path / "last.pt", "cpu", said)
    assert (model.facts.format, model.facts.class_names) == ("diffusers weights", ("0", "1", "2"))
    x, labels = torch.randn(2, 3, 8, 8), torch.tensor([2, 0])
    assert_close(model.denoiser(x, 300, labels).eps, network(x, 299, labels).sample)


def test_its_folder_goes_first(write_unet: WriteUNet) -> None:
    file = next((write_unet() / "unet").glob("*.safetensors"))
    assert registry.inspect(file).format == "diffusers"
    (file.parent / "config.json").unlink()
    facts = registry.inspect(file, {"size": 8})
    assert facts.format == "diffusers weights"
    assert any("network alone" in warning for warning in facts.warnings)


def test_inputs_that_a_script_makes_are_refused(tmp_path: Path) -> None:
    from diffusers.models.unets.unet_2d import UNet2DModel

    torch.save(UNet2DModel(**{**UNET, "in_channels": 7}).state_dict(), tmp_path / "last.pt")
    with pytest.raises(ModelError, match=r"takes 7 channels and returns 3.*adapter\.py"):
        registry.inspect(tmp_path / "last.pt")
