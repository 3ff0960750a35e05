from __future__ import annotations

from typing import Any

import pytest
import torch

from inference.networks import build, names
from storage.base.errors import ModelError

SMALL: dict[str, Any] = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [2, 4, 8]}


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize(("dims", "size"), [(2, (8, 12)), (3, (4, 8, 12))])
def test_unet_keeps_the_spatial_size(dims: int, size: tuple[int, ...], norm: str) -> None:
    network = build("unet", {**SMALL, "spatial_dims": dims, "norm": norm})
    assert network(torch.zeros((2, 1, *size))).shape == (2, 3, *size)


def test_same_seed_builds_same_weights() -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(build("unet", SMALL).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_unknown_name_says_which_there_are() -> None:
    with pytest.raises(ModelError, match=r"'lenet' is unknown; use one of: .*unet") as caught:
        build("lenet", {})
    assert caught.value.reason_code == "network-invalid" and "unet" in names()


@pytest.mark.parametrize(
    "wrong", [{"width": 3}, {"spatial_dims": 4}, {"channels": [4]}, {"channels": [0, 2]}, {"norm": "group"}, {"out_channels": 0}]
)
def test_wrong_arguments_are_a_model_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"correct network\.arguments"):
        build("unet", {**SMALL, **wrong})
