"""MeshNet with brainchop's own weights (MIT; read where they lie, never part of the project)."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional

from inference.networks import Network, build, load_matching
from storage.base.errors import ModelError
from tests.support.data import data_path

MODELS = "weights/neuroneural__brainchop-models"
BRAINCHOP = [("meshnet/model5_gw_ae", 5, 3, "relu"), ("meshnet/model18cls", 21, 18, "elu"), ("subcortical", 30, 18, "elu")]


def _model(file: Path, width: int, classes: int, activation: str) -> Network:
    given = {
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": classes,
        "width": width,
        "norm": "none",
        "activation": activation,
    }
    network = build("meshnet", given)
    report = load_matching(network, file)
    assert len(report.loaded) == 20 and not (report.missing or report.unused or report.skipped_shape)
    return network.eval()


def _by_hand(tensors: dict[str, Tensor], image: Tensor, activation: str) -> Tensor:
    """The published layout written out: nine dilated convolutions, then one of 1 × 1 × 1."""
    bend = functional.relu if activation == "relu" else functional.elu
    for index, dilation in enumerate((1, 2, 4, 8, 16, 8, 4, 2, 1)):
        weight, bias = tensors[f"model.{2 * index}.weight"], tensors[f"model.{2 * index}.bias"]
        image = bend(functional.conv3d(image, weight, bias, padding=dilation, dilation=dilation))
    return functional.conv3d(image, tensors["model.18.weight"], tensors["model.18.bias"])


@pytest.mark.parametrize(("model", "width", "classes", "activation"), BRAINCHOP)
def test_brainchop_weights_load_by_name_and_run_as_written_out(
    test_data: Path, model: str, width: int, classes: int, activation: str
) -> None:
    file = data_path(f"{MODELS}/{model}/model.pth")
    image = torch.rand((1, 1, 12, 16, 18), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        scores = _model(file, width, classes, activation)(image)
        expected = _by_hand(load(file.read_bytes()), image, activation)
    assert scores.shape == (1, classes, 12, 16, 18)
    assert torch.allclose(scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_tissue_model_finds_the_brain_of_a_real_head(test_data: Path) -> None:
    """Two fifths of a litre of white and grey matter each at least, as any adult has; the wrong activation finds a tenth."""
    network = _model(data_path(f"{MODELS}/meshnet/model5_gw_ae/model.pth"), 5, 3, "relu")
    head = nibabel.load(data_path(f"{MODELS}/t1_crop.nii.gz"))  # voxels of 1 mm
    voxels = np.asarray(head.dataobj, dtype=np.float32)[48:208, 48:208, 48:208]  # type: ignore[attr-defined]
    low, high = np.quantile(voxels, [0.02, 0.98])
    scaled = ((voxels - low) / (high - low)).clip(0.0, 1.0).astype(np.float32)
    with torch.inference_mode():
        tissue = network(torch.from_numpy(scaled)[None, None]).argmax(dim=1)[0].numpy()
    _, white_ml, grey_ml = np.bincount(tissue.ravel(), minlength=3) / 1000
    assert 400 < white_ml < 750 and 400 < grey_ml < 900
    assert voxels[tissue == 1].mean() > 1.2 * voxels[tissue == 2].mean(), "on a T1 image white matter is the brighter"


def test_their_pickles_are_refused_unread(test_data: Path) -> None:
    network = build("meshnet", {"spatial_dims": 3, "in_channels": 1, "out_channels": 2})
    with pytest.raises(ModelError, match=r"model\.pth: a Python pickle, which can run code") as caught:
        load_matching(network, data_path(f"{MODELS}/meshnet/mindgrab/model.pth"))
    assert caught.value.reason_code == "weights-pickle"


def test_normalised_and_dropped_out_it_keeps_its_stages() -> None:
    network = build("meshnet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "dilations": [1, 2], "dropout": 0.2})
    assert network.stages == ("model.0", "model.3", "model.6")
    assert network(torch.zeros((1, 1, 7, 9))).shape == (1, 2, 7, 9)
