from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inference.networks import build
from storage.base.errors import ConfigError
from tests.support.data import data_path
from tests.support.tiny_package import write_tiny_package
from tests.unit.training.tiny import tiny_recipe
from training.recipe.parts.further import Transfer
from training.transfer import hold, parameter_groups, provenance_of, start
from training.transfer.freeze import stages_of
from training.transfer.source import read_source


def _network(classes: int = 2, **arguments: Any) -> nn.Module:
    torch.manual_seed(99)
    return build("unet", {"spatial_dims": 3, "in_channels": 1, "out_channels": classes, "channels": [2, 4], **arguments})


def test_a_package_lends_all_but_the_head_and_says_its_terms(tmp_path: Path) -> None:
    package = write_tiny_package(tmp_path / "tiny", weights_licence="CC-BY-SA-4.0", attribution="By others.")
    network = _network(classes=4)
    fresh = {key: value.clone() for key, value in network.state_dict().items()}
    found = start(network, Transfer(weights=str(package)))
    source = _network()
    start(source, Transfer(weights=str(package)))
    for key, value in network.state_dict().items():
        same_as = fresh if key.startswith("head.") or key.endswith("num_batches_tracked") else source.state_dict()
        assert torch.equal(value, same_as[key]), key
    assert found == provenance_of(Transfer(weights=str(package)))
    assert found.licence == "CC-BY-SA-4.0" and found.attribution == "By others." and "tiny 1.0.0" in found.text


def test_a_file_needs_a_licence_and_may_have_a_prefix(tmp_path: Path) -> None:
    source = _network()
    path = tmp_path / "weights.safetensors"
    save_file({f"net.{key}": value.contiguous() for key, value in source.state_dict().items()}, path)
    with pytest.raises(ConfigError, match=r"transfer\.licence: is blank"):
        provenance_of(Transfer(weights=str(path)))
    target = _network()
    start(target, Transfer(weights=str(path), licence="MIT", strip_prefix="net."))
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in target.state_dict().items())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda tensors: tensors.pop("down.0.0.0.weight"), "tensor down.0.0.0.weight is missing"),
        (lambda tensors: tensors.update({"down.0.0.0.weight": torch.zeros(3)}), r"down.0.0.0.weight is \(3,\), not \(2, 1,"),
        (lambda tensors: tensors["down.0.0.0.weight"].fill_(float("nan")), "not finite"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, change: Any, says: str) -> None:
    tensors = {key: value.contiguous() for key, value in _network().state_dict().items()}
    change(tensors)
    save_file(tensors, tmp_path / "odd.safetensors")
    with pytest.raises(ConfigError, match=says):
        start(_network(), Transfer(weights=str(tmp_path / "odd.safetensors"), licence="MIT"))


def test_missing_weights_and_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"transfer\.weights: .*none\.safetensors can't be read"):
        provenance_of(Transfer(weights=str(tmp_path / "none.safetensors"), licence="MIT"))
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(ConfigError, match="no safetensors file"):
        start(_network(), Transfer(weights=str(tmp_path / "text"), licence="MIT"))


def test_frozen_stages_keep_weights_and_statistics() -> None:
    network, transfer = _network(), Transfer(weights="x", freeze=1, freeze_steps=2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    for step in range(3):
        network.train()
        hold(network, transfer, step)
        optimizer.zero_grad()
        network(torch.randn(2, 1, 8, 8, 8)).square().mean().backward()
        optimizer.step()
        after = network.state_dict()
        held = all(torch.equal(after[key], before[key]) for key in before if key.startswith("down.0."))
        assert held == (step < 2) and not torch.equal(after["down.1.0.0.weight"], before["down.1.0.0.weight"])


def test_freezing_the_head_too_leaves_nothing_to_learn() -> None:
    with pytest.raises(ConfigError, match=r"transfer\.freeze: 9 leaves nothing to learn"):
        hold(_network(), Transfer(weights="x", freeze=9), 0)


def test_rates_fall_towards_the_input_and_cover_every_parameter_once() -> None:
    network = _network()
    recipe = tiny_recipe().model_copy(update={"transfer": Transfer(weights="x", layer_rate=0.5)})
    groups = parameter_groups(network, recipe)
    rates = [group["rate"] for group in groups]
    assert rates[-1] == 1.0 and rates == sorted(rates) and rates[0] == 0.5 ** (len(rates) - 1)
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(id(p) for p in network.parameters())
    assert [group["rate"] for group in parameter_groups(network, tiny_recipe())] == [1.0]


@pytest.mark.parametrize(
    ("name", "width", "classes", "activation"), [("model5_gw_ae", 5, 3, "relu"), ("model18cls", 21, 18, "elu")]
)
def test_brainchops_meshnets_lend_their_layers(name: str, width: int, classes: int, activation: str) -> None:
    path = data_path(f"weights/neuroneural__brainchop-models/meshnet/{name}/model.pth")
    arguments = {"spatial_dims": 3, "in_channels": 1, "width": width, "norm": "none", "activation": activation}
    whole = build("meshnet", {**arguments, "out_channels": classes})
    transfer = Transfer(weights=str(path), licence="MIT", attribution="brainchop")
    assert start(whole, transfer).licence == "MIT"
    theirs = read_source(transfer).tensors()
    assert theirs.keys() == whole.state_dict().keys()
    assert all(torch.equal(value, theirs[key]) for key, value in whole.state_dict().items())
    other = build("meshnet", {**arguments, "out_channels": 2})
    start(other, transfer)
    body = [key for key in theirs if not key.startswith(f"{stages_of(other)[-1]}.")]
    assert all(torch.equal(other.state_dict()[key], theirs[key]) for key in body)
