"""Facts set by the user: kept in the card, honoured by whoever opens the model, and taken back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.cli import main
from explorer.diffusion.denoiser import NetworkDenoiser
from explorer.diffusion.schedules import linear
from explorer.facts import Fact, ModelError, ModelFacts, NamedSchedule
from explorer.formats import registry
from explorer.formats.adjusted import Retimed
from explorer.formats.overrides import read_overrides, save_overrides, user_data_folder
from explorer.formats.setting_text import EXAMPLES, read_setting, read_value

WEIGHTS = "diffusion_pytorch_model.safetensors"


def fact(facts: ModelFacts, name: str) -> Fact:
    return next(fact for fact in facts.evidence if fact.name == name)


def test_every_fact_that_can_be_set(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(card={"class_names": ["a", "b"], "null_label": 2, "colour": "red"}, num_class_embeds=3)
    changes: dict[str, Any] = {
        "title": "Mine",
        "prediction": "flow",
        "class_names": ["x", "y"],
        "null_label": 1,
        "value_range": [0, 1],
        "schedule": {"name": "linear", "beta_end": 0.03},
        "T": 50,
        "time_offset": -1,
        "time_scale": 2,
        "time_reversed": True,
        "variance": "fixed_large",
    }
    assert registry.set_facts(folder, changes) == folder / "explorer.json"
    facts = registry.inspect(folder)
    assert (facts.title, facts.prediction, facts.class_names, facts.null_label) == ("Mine", "flow", ("x", "y"), 1)
    assert (facts.value_range, facts.T, facts.schedule) == ((0.0, 1.0), 50, "linear")
    assert facts.schedule_numbers == NamedSchedule("linear", (("beta_end", 0.03),))
    assert (facts.time_input.offset, facts.time_input.scale, facts.time_input.reversed) == (-1, 2, True)
    assert (facts.sampler_defaults["variance"], facts.learned_variance) == ("beta", None)
    names = ("title", "prediction type", "classes", "null label", "value range", "noise schedule", "T", "variance")
    for name in (*names, "time offset", "time scale", "time direction"):
        assert (fact(facts, name).source, fact(facts, name).where) == ("user", "explorer.json")
    assert fact(facts, "T").instead == "100 (file: scheduler/scheduler_config.json)"
    assert not any(row.name in ("first β", "last β") for row in facts.evidence)
    card = json.loads((folder / "explorer.json").read_text())
    assert (card["colour"], card["class_names"]) == ("red", ["a", "b"])  # its own words stay

    registry.set_facts(folder, dict.fromkeys(changes))
    assert "user" not in json.loads((folder / "explorer.json").read_text())
    assert registry.inspect(folder).T == 100


def test_the_variance_of_a_step(write_unet: Callable[..., Path]) -> None:
    """The network's second half of channels is a variance, of one kind or the other, or is left alone."""
    folder = write_unet(scheduler={"variance_type": "learned_range"}, out_channels=6)
    x_t = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def asked(said: str | None) -> tuple[ModelFacts, Any]:
        made = registry.load(folder, "cpu", {} if said is None else {"variance": said})
        return made.facts, made.denoiser(x_t, 10)

    facts, own = asked(None)
    assert facts.sampler_defaults["variance"] == "learned"
    for said, parameter in (("learned", "learned"), ("fixed_large", "beta"), ("fixed_small", "beta_tilde")):
        facts, other = asked(said)
        assert facts.sampler_defaults["variance"] == parameter
        assert (fact(facts, "variance").value, fact(facts, "variance").source) == (said, "user")
        assert torch.equal(own.output, other.output)
        assert (other.variance_fraction is None) == (said != "learned")
        assert said != "learned" or not torch.equal(own.variance_fraction, other.variance_fraction)
        assert not facts.warnings
    unsaid = write_unet(name="unsaid", out_channels=6)
    assert any("learned variance is not used" in warning for warning in registry.inspect(unsaid).warnings)
    folder = unsaid
    assert torch.equal(asked("learned_range")[1].variance_fraction, own.variance_fraction)
    plain = registry.inspect(write_unet(name="plain"), {"variance": "learned"})
    assert any("no channels for one" in warning for warning in plain.warnings)
    assert fact(plain, "variance").source != "user"


def test_a_probed_fact_says_so_and_the_user_goes_before_it(write_unet: Callable[..., Path]) -> None:
    folder = write_unet()
    registry.set_facts(folder, {"prediction": "v"}, "probed")
    assert fact(registry.inspect(folder), "prediction type").source == "probed"
    registry.set_facts(folder, {"prediction": "x0"})
    facts = registry.inspect(folder)
    assert (facts.prediction, fact(facts, "prediction type").source) == ("x0", "user")
    assert read_overrides(folder).sources == {"prediction": "user"}


def test_a_folder_that_is_read_only_is_left_alone(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(card={"user": {"T": 20}})
    before = (folder / "explorer.json").read_bytes()
    folder.chmod(0o555)
    try:
        saved = registry.set_facts(folder, {"prediction": "v"})
        assert saved.is_relative_to(user_data_folder())
        facts = registry.inspect(folder)
        assert (facts.prediction, facts.T, fact(facts, "T").where) == ("v", 20, str(saved))
        registry.set_facts(folder, {"T": None})
        assert registry.inspect(folder).T == 100
    finally:
        folder.chmod(0o755)
    assert (folder / "explorer.json").read_bytes() == before
    assert registry.inspect(folder).prediction == "v"


def test_a_single_file_has_a_card_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    file.write_bytes(b"weights")
    assert save_overrides(file, {"prediction": "v"}) == tmp_path / "a.explorer.json"
    assert read_overrides(file).values == {"prediction": "v"}
    assert file.read_bytes() == b"weights"


def test_what_cannot_be_kept_is_not(tmp_path: Path) -> None:
    for changes, says in (({"T": "none"}, "The given T must be"), ({"colour": 3}, "cannot be set")):
        with pytest.raises(ModelError, match=says):
            save_overrides(tmp_path, {"prediction": "v", **changes})
    assert list(tmp_path.iterdir()) == []


def test_files_that_share_the_card_of_their_folder(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.pt", "b.pt")]
    for file in files:
        file.write_bytes(b"weights")
    (tmp_path / "explorer.json").write_text('{"title": "Both"}')
    assert save_overrides(files[0], {"prediction": "v"}) == tmp_path / "explorer.json"
    save_overrides(files[1], {"prediction": "x0"})
    assert [read_overrides(file).values["prediction"] for file in files] == ["v", "x0"]
    assert [file.read_bytes() for file in files] == [b"weights"] * 2
    assert read_overrides(tmp_path).values == {}


def test_a_link_in_place_of_the_card_is_not_followed(write_unet: Callable[..., Path], tmp_path: Path) -> None:
    folder, elsewhere = write_unet(), tmp_path / "elsewhere.json"
    elsewhere.write_text('{"title": "Kept"}')
    (folder / "explorer.json").symlink_to(elsewhere)
    registry.set_facts(folder, {"prediction": "v"})
    assert elsewhere.read_text() == '{"title": "Kept"}'
    assert registry.inspect(folder).title == "Kept"


@pytest.mark.parametrize(
    "block",
    [{"T": "many"}, {"T": 0}, {"nothing": 1}, [1], {"schedule": {"name": "linear", "rho": 3}}, {"value_range": [1]}],
    ids=str,
)
def test_nonsense_in_the_card_is_a_warning(write_unet: Callable[..., Path], block: Any) -> None:
    facts = registry.inspect(write_unet(card={"user": block}))
    assert facts.T == 100
    assert any("not used" in warning for warning in facts.warnings)


def test_what_cannot_be_opened_is_not_kept(write_unet: Callable[..., Path]) -> None:
    folder = write_unet(scheduler={"trained_betas": [0.1] * 7, "num_train_timesteps": None})
    with pytest.raises(ModelError, match="name one too"):
        registry.set_facts(folder, {"T": 20})
    assert not (folder / "explorer.json").exists()


# --- what the network then gets ---------------------------------------------------------------------------------


def asked(write_unet: Callable[..., Path], t: float, **overrides: Any) -> float:
    """The index that the UNet is given at t."""
    model = registry.load(write_unet(), "cpu", overrides)
    assert isinstance(model.denoiser, NetworkDenoiser)
    network = model.denoiser.network
    if isinstance(network, Retimed):
        return network.own_time(t) - 1
    return t - 1


@pytest.mark.parametrize(
    ("overrides", "indices"),
    [
        ({}, (0, 49, 99)),
        ({"time_offset": 1}, (1, 50, 99)),
        ({"time_offset": -1}, (0, 48, 98)),
        ({"time_reversed": True}, (99, 50, 0)),
        ({"time_scale": 4}, (0, 196, 396)),
        ({"time_scale": 0.5}, (0, 24, 50)),
    ],
    ids=str,
)
def test_the_index_the_network_gets(
    write_unet: Callable[..., Path], overrides: dict[str, Any], indices: tuple[int, ...]
) -> None:
    folder = write_unet()
    assert tuple(asked(lambda: folder, t, **overrides) for t in (1, 50, 100)) == indices


def test_another_schedule_and_another_last_time(write_unet: Callable[..., Path]) -> None:
    model = registry.load(write_unet(), "cpu", {"schedule": {"name": "linear", "beta_end": 0.05}, "T": 40})
    wanted = linear(40, beta_end=0.05)
    assert model.denoiser.schedule.T == model.facts.T == 40
    assert [model.denoiser.schedule.signal(t) for t in (1, 20, 40)] == [wanted.signal(t) for t in (1, 20, 40)]


def test_a_network_that_is_told_the_noise_level_follows_the_schedule(write_points: Callable[..., Path]) -> None:
    folder = write_points()
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    plain = registry.load(folder, "cpu")
    other = registry.load(folder, "cpu", {"schedule": {"name": "linear"}, "T": 1000})
    t = min(range(1, 1001), key=lambda t: abs(other.denoiser.schedule.log_snr(t) - plain.denoiser.schedule.log_snr(25)))
    a, b = (model.denoiser(x, t).x0 for model, t in ((plain, 25), (other, t)))
    np.testing.assert_allclose(a, b, atol=0.02)


@torch.no_grad()
def test_the_exact_model_on_another_schedule(write_points: Callable[..., Path]) -> None:
    """It is exact on every path; but it is told no time, and its output is the score."""
    folder = write_points("exact")
    model = registry.load(folder, "cpu", {"schedule": {"name": "linear"}, "T": 30})
    assert (model.facts.T, model.facts.schedule, model.denoiser.schedule.T) == (30, "linear", 30)
    assert model.truth is not None
    x, schedule = torch.tensor([[0.3, -0.2], [1.0, 2.0]]), model.denoiser.schedule
    for t in (1, 2, 10, 29, 30):
        score = model.truth.score(x, schedule.signal(t), schedule.noise(t))
        np.testing.assert_allclose(model.denoiser(x, t).score, score, rtol=1e-5)
    facts = registry.inspect(folder, {"time_offset": 1, "prediction": "eps"})
    assert any("is not used: the exact model" in warning for warning in facts.warnings)
    assert (facts.time_input.plain, facts.prediction) == (True, "score")


# --- two sets of weights -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["variant", "folder"])
def test_two_sets_of_weights(write_unet: Callable[..., Path], layout: str) -> None:
    folder = write_unet()
    raw = {name: 2 * tensor for name, tensor in load_file(folder / "unet" / WEIGHTS).items()}
    if layout == "variant":
        save_file(raw, folder / "unet" / "diffusion_pytorch_model.non_ema.safetensors")
    else:
        shutil.copytree(folder / "unet", folder / "unet_ema")
        save_file(raw, folder / "unet" / WEIGHTS)
    facts = registry.inspect(folder)
    assert (facts.weight_sets, facts.weights, fact(facts, "set of weights").source) == (
        ("ema", "raw"),
        "ema",
        "default",
    )
    assert "no" in registry.inspect(folder, {"weights": "best"}).warnings[0]

    x, outputs = torch.ones(1, 3, 8, 8), []
    for overrides in ({}, {"weights": "raw"}):
        model = registry.load(folder, "cpu", overrides)
        outputs.append(model.denoiser(x, 50).eps)
    assert not torch.equal(*outputs)


# --- as they are written -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", EXAMPLES)
def test_each_fact_has_an_example_that_is_one(key: str) -> None:
    assert read_setting(f"{key}={EXAMPLES[key]}")[1] is not None
    assert read_value(key, " ") is None


@pytest.mark.parametrize(
    "text",
    [
        "prediction",
        "speed=3",
        "T=many",
        "T=0",
        "value_range=1,0",
        "value_range=[",
        "schedule=none",
        "schedule=cosine:a=1",
    ],
)
def test_what_is_none_gets_one_sentence(text: str) -> None:
    with pytest.raises(ModelError) as caught:
        read_setting(text)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_the_command_line_sets_and_takes_back(
    write_unet: Callable[..., Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = write_unet()
    assert main(["inspect", str(folder), "--set", "prediction=v", "--set", "value_range=0,1", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["prediction"], values["value_range"]) == ("v", [0, 1])
    (tmp_path / "x").mkdir()
    for number in range(2):
        arguments = ["--steps", "2", "--out", str(tmp_path / "x" / f"{number}.npz")]
        assert main(["sample", str(folder), *arguments]) == 0
        assert main(["inspect", str(folder), "--set", "prediction="]) == 0
    a, b = (np.load(tmp_path / "x" / f"{number}.npz")["x"] for number in range(2))
    assert not np.array_equal(a, b)  # the second is ε-prediction again
    assert main(["inspect", str(folder), "--set", "T=none"]) == 2
    assert "error: T must be" in capsys.readouterr().err
