"""Opening a picture model imports no package for text, though it be installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
from explorer.formats import registry
registry.load("checkpoints/faces", "cpu")
heavy = {"transformers", "scipy.stats", "torchsde", "tokenizers"} & sys.modules.keys()
print("heavy:", *sorted(heavy))
import diffusers
from diffusers.schedulers.scheduling_heun_discrete import HeunDiscreteScheduler
from explorer.formats.diffusers_import import complete
HeunDiscreteScheduler(use_beta_sigmas=True).set_timesteps(5)
multistep = diffusers.LMSDiscreteScheduler()
multistep.set_timesteps(5)
assert multistep.get_lms_coefficient(1, 0, 0) < 0
complete()
import diffusers.loaders.lora_base as lora
import transformers
assert lora.PreTrainedModel is transformers.PreTrainedModel
assert not hasattr(diffusers.StableDiffusionPipeline, "_backends")
"""


def test_what_a_picture_model_does_not_need_waits_until_it_is_asked_for() -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("scipy")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["heavy:"]
