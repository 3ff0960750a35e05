from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from inference.networks import build, load_weights, save_weights
from storage.base.errors import ModelError


def _network(widest: int = 4) -> nn.Module:
    return build("unet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [2, widest]}).eval()


def _rewrite(path: Path, tensors: dict[str, Tensor]) -> str:
    path.write_bytes(save(tensors))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_round_trip_is_exact_but_for_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network, other = _network(), _network()
    image = torch.randn(1, 1, 8, 8)
    digest = save_weights(network, tmp_path / "w.safetensors")
    load_weights(other, tmp_path / "w.safetensors", digest)
    assert torch.allclose(network(image), other(image), atol=1e-2)
    assert next(other.parameters()).dtype == torch.float32


def test_half_the_bytes_and_the_same_ones_again(tmp_path: Path) -> None:
    network = _network()
    first, second = save_weights(network, tmp_path / "a"), save_weights(network, tmp_path / "b")
    assert first == second
    assert {tensor.dtype for tensor in load((tmp_path / "a").read_bytes()).values()} == {torch.float16}


def test_single_precision_is_exact(tmp_path: Path) -> None:
    network, other = _network(), _network()
    load_weights(other, tmp_path / "w", save_weights(network, tmp_path / "w", torch.float32))
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(network.parameters(), other.parameters(), strict=True))


def test_infinite_weights_are_not_saved(tmp_path: Path) -> None:
    network = _network()
    with torch.no_grad():
        next(network.parameters())[0] = 1e6  # beyond half precision
    with pytest.raises(ModelError, match="not finite in half precision"):
        save_weights(network, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_missing_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"w\.safetensors: can't be read") as caught:
        load_weights(_network(), tmp_path / "w.safetensors", "0")
    assert caught.value.reason_code == "package-unreadable"


def test_changed_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "w"
    digest = save_weights(_network(), path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="SHA-256 differs") as caught:
        load_weights(_network(), path, digest)
    assert caught.value.reason_code == "weights-digest"


@pytest.mark.parametrize(
    ("change", "says"),
    [("drop", "tensor head.bias is missing"), ("add", "tensor zzz is not part"), ("shape", "shape"), ("nan", "not finite")],
)
def test_tensors_that_do_not_fit_are_named(tmp_path: Path, change: str, says: str) -> None:
    path = tmp_path / "w"
    save_weights(_network(), path)
    tensors = load(path.read_bytes())
    if change == "drop":
        del tensors["head.bias"]
    elif change == "add":
        tensors["zzz"] = torch.zeros(1)
    elif change == "shape":
        tensors["head.bias"] = torch.zeros(5)
    else:
        tensors["head.bias"] = torch.full((2,), torch.nan)
    with pytest.raises(ModelError, match=says):
        load_weights(_network(), path, _rewrite(path, tensors))


def test_no_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "w"
    path.write_bytes(b"PK pickle")
    with pytest.raises(ModelError, match="no safetensors file"):
        load_weights(_network(), path, hashlib.sha256(b"PK pickle").hexdigest())
