"""Starting weights from files that fit in part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inference.networks import load_matching, load_members, save_weights
from inference.networks.matching import FirstLayer
from storage.base.errors import ModelError
from tests.unit.inference.networks.examples import arguments, picture, small


def _file(network: nn.Module, folder: Path) -> Path:
    path = folder / "earlier.safetensors"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, path)
    return path


def test_all_but_a_head_for_other_classes(tmp_path: Path) -> None:
    earlier, network = small("unet", 2, seed=1, out_channels=3), small("unet", 2, seed=2, out_channels=5)
    fresh = network.get_parameter("head.weight").clone()
    report = load_matching(network, _file(earlier, tmp_path))
    assert report.skipped_shape == ("head.bias", "head.weight") and not (report.missing or report.unused or report.adapted)
    assert torch.equal(network.get_parameter("head.weight"), fresh)
    state, wanted = network.state_dict(), earlier.state_dict()
    assert all(torch.equal(state[key], wanted[key]) for key in report.loaded)
    assert "down.0.0.1.running_mean" in report.loaded


def test_own_packages_in_half_precision_are_taken_exactly(tmp_path: Path) -> None:
    earlier, network = small("vnet", 3, seed=1), small("vnet", 3, seed=2)
    save_weights(earlier, tmp_path / "w.safetensors")
    report = load_matching(network, tmp_path / "w.safetensors")
    assert len(report.loaded) == len([key for key in network.state_dict() if not key.endswith("tracked")])
    weight = network.get_parameter("head.weight")
    assert weight.dtype == torch.float32 and torch.equal(weight, earlier.get_parameter("head.weight").half().float())


def test_unet_starts_an_attention_unet(tmp_path: Path) -> None:
    network = small("attention-unet", 2, seed=2)
    report = load_matching(network, _file(small("unet", 2, seed=1), tmp_path))
    assert report.missing and all(key.startswith("gates.") for key in report.missing) and not report.unused


def test_classifier_starts_a_segmenter_by_the_encoder(tmp_path: Path) -> None:
    classifier, segmenter = small("resnet", 2, seed=1), small("deeplabv3plus", 2, seed=2, out_channels=4)
    report = load_matching(segmenter, _file(classifier, tmp_path))
    assert report.unused == () and report.skipped_shape == ("head.bias", "head.weight")
    assert all(key.startswith("encoder.") for key in report.loaded) and "encoder.layer4.0.conv2.weight" in report.loaded


def test_prefixes_and_names_lead_to_the_network(tmp_path: Path) -> None:
    resnet = small("resnet", 2, seed=1)
    renamed = {f"module.{key.removeprefix('encoder.')}": value.clone() for key, value in resnet.state_dict().items()}
    renamed["fc.bias"] = renamed.pop("module.head.bias") + 1
    save_file(renamed, tmp_path / "w")
    network = small("resnet", 2, seed=2)
    report = load_matching(network, tmp_path / "w", strip="module.", add="encoder.", names={"fc.bias": "head.bias"})
    assert report.missing == ("head.weight",) and report.unused == ("module.head.weight",)
    assert torch.equal(network.get_parameter("encoder.conv1.weight"), resnet.get_parameter("encoder.conv1.weight"))
    assert torch.equal(network.get_parameter("head.bias"), resnet.get_parameter("head.bias") + 1)


@pytest.mark.parametrize(("there", "here"), [(3, 1), (1, 3), (3, 2)])
@pytest.mark.parametrize("way", ["sum", "repeat"])
def test_colour_weights_serve_other_channels(tmp_path: Path, there: int, here: int, way: FirstLayer) -> None:
    earlier, network = small("cnn", 2, seed=1, in_channels=there).eval(), small("cnn", 2, seed=2, in_channels=here).eval()
    report = load_matching(network, _file(earlier, tmp_path), first_layer=way)
    assert report.adapted == ("levels.0.0.0.weight",) and not report.skipped_shape and not report.missing
    if way == "sum" or there == 1:
        grey = picture(2)
        expected = earlier(grey.expand(-1, there, -1, -1))
        assert torch.allclose(network(grey.expand(-1, here, -1, -1)), expected, atol=1e-5)


def test_first_layer_stays_fresh_unless_asked(tmp_path: Path) -> None:
    path = _file(small("cnn", 2, in_channels=3), tmp_path)
    assert load_matching(small("cnn", 2), path).skipped_shape == ("levels.0.0.0.weight",)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (None, "weights-unreadable", r"w\.pth: can't be read; correct the path"),
        (b"PK\x03\x04 and so on", "weights-pickle", "pickle.*convert it to safetensors"),
        (b"\x80\x02 and so on", "weights-pickle", "pickle"),
        (b"no such thing", "weights-invalid", "no safetensors file"),
        (b"", "weights-invalid", "no safetensors file"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes | None, code: str, says: str) -> None:
    path = tmp_path / "w.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=says) as caught:
        load_matching(small("cnn", 2), path)
    assert caught.value.reason_code == code


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"other.weight": torch.zeros(1)}, r"no name fits .*other\.weight.*correct strip, add or names"),
        ({}, "the file has no tensor"),
        ({"head.bias": torch.zeros(7)}, r"another shape .*head\.bias.*correct network\.arguments"),
        ({"head.bias": torch.full((3,), torch.nan)}, r"head\.bias holds values that are not finite"),
    ],
)
def test_nothing_usable_is_an_error_and_changes_nothing(tmp_path: Path, tensors: dict[str, Any], says: str) -> None:
    save_file(tensors, tmp_path / "w")
    network = small("cnn", 2)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(ModelError, match=says):
        load_matching(network, tmp_path / "w")
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_members_of_an_ensemble_load_each_their_own(tmp_path: Path) -> None:
    files = []
    for seed in (1, 2):
        path = tmp_path / f"{seed}.safetensors"
        files.append((path, save_weights(small("unet", 2, seed=seed), path)))
    members = load_members("unet", arguments("unet", 2), files)
    first, second = (member.get_parameter("head.weight") for member in members)
    assert len(members) == 2 and not torch.equal(first, second) and not any(member.training for member in members)
    assert torch.equal(second, small("unet", 2, seed=2).get_parameter("head.weight").half().float())
    with pytest.raises(ModelError, match=r"2\.safetensors: SHA-256 differs"):
        load_members("unet", arguments("unet", 2), [files[0], (files[1][0], files[0][1])])
