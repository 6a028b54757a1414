"""Which classifier fits a model, from files that may be anything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from explorer.diffusion.schedules import cosine
from explorer.facts import ClassifierFacts, ModelError
from explorer.formats.classifiers import exact_classifier, find_classifier, network_classifier
from explorer.networks.classifier import Classifier, ClassifierConfig
from explorer.training.folder import write_network

NAMES = ("cat", "dog")
SHAPE, RANGE = (3, 8, 8), (-1.0, 1.0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's folder with a classifier of its own."""
    folder = tmp_path / "model" / "classifier"
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    network = Classifier(ClassifierConfig(3, 8, 2, (8, 8, 8), 4))
    write_network(folder, "classifier", network, {"class_names": list(NAMES), "value_range": [-1, 1]})
    return folder.parent


def test_a_classifier_in_the_models_folder(model: Path) -> None:
    facts = find_classifier(model, SHAPE, RANGE, NAMES)
    assert facts == ClassifierFacts("the network “classifier”", NAMES, str(model / "classifier"))
    log_p = network_classifier(facts, cosine(100), torch.device("cpu"))()
    with torch.inference_mode():  # where it is used
        x = torch.zeros(4, *SHAPE)
        assert log_p(x, 50).exp().sum(1).tolist() == pytest.approx([1] * 4)


def test_what_does_not_fit(model: Path) -> None:
    assert find_classifier(model, SHAPE, RANGE, ()) is None
    assert find_classifier(model, SHAPE, RANGE, ("dog", "cat")) is None
    assert find_classifier(model, (1, 8, 8), RANGE, NAMES) is None
    assert find_classifier(model, (3, 8, 16), RANGE, NAMES) is None
    assert find_classifier(model, SHAPE, (0.0, 1.0), NAMES) is None


@pytest.mark.parametrize("change", [{"widths": [8, 8]}, {"widths": [7, 8, 8]}, {"size": 1e9}, {"channels": None}])
def test_a_damaged_one_is_none(model: Path, change: dict[str, object]) -> None:
    file = model / "classifier" / "config.json"
    config = json.loads(file.read_text())
    config["network_config"].update(change)
    file.write_text(json.dumps(config))
    assert find_classifier(model, SHAPE, RANGE, NAMES) is None
    file.write_text("{")
    assert find_classifier(model, SHAPE, RANGE, NAMES) is None


def test_one_that_vanishes_or_breaks_is_one_sentence(model: Path) -> None:
    facts = find_classifier(model, SHAPE, RANGE, NAMES)
    assert facts is not None
    (model / "classifier" / "model.safetensors").write_bytes(b"?")
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        network_classifier(facts, cosine(100), torch.device("cpu"))()
    shutil.rmtree(model / "classifier")
    with pytest.raises(ModelError, match="no classifier any more"):
        network_classifier(facts, cosine(100), torch.device("cpu"))()


def test_the_labels_of_a_posterior_are_the_components() -> None:
    with_names, without = exact_classifier(2, NAMES), exact_classifier(2, ())
    assert with_names is not None
    assert without is not None
    assert with_names.class_names == NAMES
    assert without.class_names == ("component 0", "component 1")
    assert exact_classifier(3, NAMES) is None
