from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.manifest import Manifest
from inference.networks.detection import Detections
from inference.pipeline import prepare
from inference.pipeline.detect import detect, joined
from inference.pipeline.join import agree, join_windows
from tests.support.packages import manifest
from tests.unit.inference.pipeline.bright import BrightParts

CODE = {"value": "1", "scheme": "99T", "meaning": "thing"}


def finder(dims: int, grid: dict[str, Any], **changes: Any) -> Manifest:
    """A manifest of a detector of two labels."""
    return manifest(
        inputs=[{"modality": ["US"], "spatial_dims": dims}],
        grid={"spacing_mm": None, "minimum_multiple": 16, **grid},
        intensity={"kind": "window", "lower": 0, "upper": 1},
        task="detection",
        labels=[{"value": n, "name": f"thing {n}", "category": CODE, "type": CODE} for n in (1, 2)],
        **{"detection": {"thresholds": [0.5, 0.5]}, **changes},
    )


def boxes_in(voxels: NDArray[np.float32], model: Manifest, *networks: BrightParts) -> Detections:
    prepared = prepare(voxels, np.eye(4), model)
    looks = [look for network in networks or (BrightParts(len(model.grid.patch)),) for look in detect(network, prepared, model)]
    return joined(looks, model)


def _balls(shape: tuple[int, ...], boxes: Sequence[tuple[int, ...]]) -> NDArray[np.float32]:
    voxels = np.zeros(shape, dtype=np.float32)
    dims = len(shape)
    for box in boxes:
        voxels[tuple(slice(a, b) for a, b in zip(box[:dims], box[dims:], strict=True))] = 0.5
    return voxels


def test_what_windows_cut_is_whole() -> None:
    """Objects up to the size of the overlap, laid on every seam of the windows, come out once and whole."""
    model = finder(3, {"patch": [32, 32, 32], "overlap": 0.5})
    wanted = [(10, 10, 10, 20, 20, 20), (14, 30, 40, 28, 40, 50), (40, 44, 10, 54, 58, 22), (0, 50, 50, 8, 64, 64)]
    found = boxes_in(_balls((60, 70, 66), wanted), model)
    assert sorted(map(tuple, found.boxes.int().tolist())) == sorted(wanted)
    assert found.scores.tolist() == pytest.approx([0.8] * 4) and set(found.labels.tolist()) == {1}


def test_two_objects_that_touch_no_seam_are_not_made_one() -> None:
    model = finder(2, {"patch": [32, 32], "overlap": 0.25, "spacing_mm": [1.0, 1.0]})
    wanted = [(0, 2, 2, 6, 6), (0, 8, 8, 11, 12), (0, 40, 70, 45, 77)]
    flat = [box[1:3] + box[3:] for box in wanted]
    found = boxes_in(_balls((64, 96), [tuple(box) for box in flat])[None], model)
    assert sorted(map(tuple, found.boxes.int().tolist())) == sorted(map(tuple, flat))


@pytest.mark.parametrize("axes", [[0], [1], [0, 1]])
def test_mirrored_passes_find_the_same_place(axes: list[int]) -> None:
    model = finder(2, {"patch": [32, 48], "fit": "stretch"}, postprocess={"mirror_axes": axes})
    found = boxes_in(_balls((32, 48), [(3, 5, 10, 20)])[None], model)
    assert found.boxes.tolist() == [[3, 5, 10, 20]] and found.scores.tolist() == pytest.approx([0.8])


def test_a_member_that_sees_nothing_halves_the_score() -> None:
    model = finder(2, {"patch": [32, 32], "fit": "stretch"}, detection={"thresholds": [0.5, 0.5], "score": 0.3})
    picture = _balls((32, 32), [(3, 5, 10, 20)])[None]
    both = boxes_in(picture, model, BrightParts(sure=0.8), BrightParts(sure=0.4))
    assert both.scores.tolist() == pytest.approx([0.6]) and both.boxes.tolist() == [[3, 5, 10, 20]]
    lone = agree([_found([3, 5, 10, 20], 0.8), _found([20, 20, 30, 30], 0.7)], overlap=0.5, least=0.3, most=5)
    assert lone.scores.tolist() == pytest.approx([0.4, 0.35])
    assert not len(agree([_found([3, 5, 10, 20], 0.8), _found([20, 20, 30, 30], 0.7)], overlap=0.5, least=0.5, most=5))


def _found(box: list[float], score: float, label: int = 1) -> Detections:
    return Detections(torch.tensor([box], dtype=torch.float32), torch.tensor([score]), torch.tensor([label]))


def _cut(*values: bool) -> list[Tensor]:
    return [torch.tensor([value]) for value in values]


def test_a_cut_box_yields_to_a_whole_one_whatever_its_score() -> None:
    whole, part = _found([0, 0, 10, 10], 0.5), _found([0, 0, 3, 10], 0.9)
    assert join_windows([part, whole], _cut(True, False), 0.5, 9).boxes.tolist() == [[0, 0, 10, 10]]
    assert len(join_windows([part, whole], _cut(False, False), 0.5, 9)) == 2
    assert len(join_windows([_found([0, 0, 3, 10], 0.9, label=2), whole], _cut(True, False), 0.5, 9)) == 2


def test_no_more_boxes_are_held_than_asked_for() -> None:
    model = finder(2, {"patch": [32, 32], "spacing_mm": [1.0, 1.0]}, detection={"thresholds": [0.5, 0.5], "most": 5})
    picture = np.zeros((64, 64), dtype=np.float32)
    picture[::4, ::4] = 1.0
    first, again = (boxes_in(picture[None], model) for _ in range(2))
    assert len(first) == 5 and torch.equal(first.boxes, again.boxes)


def test_an_image_without_objects_has_no_boxes() -> None:
    for dims, patch in ((2, [32, 32]), (3, [16, 16, 16])):
        found = boxes_in(np.zeros((1, 40, 40) if dims == 2 else (20, 40, 40), np.float32), finder(dims, {"patch": patch}))
        assert found.boxes.shape == (0, 2 * dims)
