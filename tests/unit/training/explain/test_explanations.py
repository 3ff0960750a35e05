"""Explanations of what a package says of a case."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from inference.networks import build
from storage.base.errors import ConfigError
from tests.unit.training.evaluate.made import ByThreshold, bright_case, ellipse_case, model_of
from training.data import Case
from training.explain.explain import explain, sanity_of


def test_a_classifier_is_explained_on_the_models_grid() -> None:
    torch.manual_seed(1)
    network = build("cnn", {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [4, 8]})
    model = model_of(network, "classification", 2)
    for method in ("grad-cam", "occlusion"):
        found = explain(model, bright_case(1), method, value=1)
        assert found.map.shape == found.image.shape == (20, 20) and found.value == 1
        picture = Image.open(io.BytesIO(found.png()))
        assert picture.size == (2 * 20 * 14, 20 * 14)
    assert explain(model, bright_case(1)).value in (0, 1)
    assert sanity_of(model, [bright_case(1), bright_case(2)], "occlusion").images == 2


def test_a_segmentation_is_explained_by_grad_cam_alone() -> None:
    torch.manual_seed(1)
    network = build("unet", {"spatial_dims": 3, "in_channels": 1, "out_channels": 2, "channels": [4, 8]})
    grid = {"spacing_mm": None, "patch": [8, 8, 8], "minimum_multiple": 2}
    model = model_of(network, "segmentation", 3, grid=grid)
    voxels = np.random.default_rng(0).random((1, 5, 9, 8)).astype(np.float32)
    found = explain(model, Case("volume", "1", voxels, np.eye(4)))
    assert found.map.shape == (5, 9, 8), "the rim that fills it up to a multiple of 2 is cut off"
    assert Image.open(io.BytesIO(found.png())).size[0] % 2 == 0
    with pytest.raises(ConfigError, match="ask grad-cam of a segmentation"):
        explain(model_of(ByThreshold(0.5), "segmentation", 2), ellipse_case(1), "occlusion")
