"""Pictures of boxes: where their edges are drawn, with the masks of these findings and of a model of several tasks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.report.codes import colours, to_rgb
from inference.volume import Answers, Detections, assemble
from tests.support.dicom_builders import ct_series, us_image
from tests.support.wrapped_images import us_region
from tests.unit.inference.report.detected import Detected, Rows, detected, masked
from tests.unit.inference.report.inputs import answers_of, lesion_reader, results_of

Window = tuple[int, int, int, int]


def _panels(payload: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(payload)).convert("RGB"))[:512]


def _inks(found: Detected) -> list[tuple[int, int, int]]:
    return [to_rgb(lab) for lab in colours([label.label for label in found.sought]).values()]


def _ring(pixels: NDArray[np.uint8], ink: tuple[int, int, int], window: Window) -> bool:
    """Whether ``window`` (first row, first column, end row, end column) is two pixels of ink along its edges, the third free."""
    top, left, bottom, right = window
    inked = (pixels == ink).all(axis=2)[top:bottom, left:right]
    edges = np.ones(inked.shape, bool)
    edges[2:-2, 2:-2] = False
    inside = inked[2:-2, 2:-2]
    return bool(inked[edges].all()) and not inside[[0, -1]].any() and not inside[:, [0, -1]].any()


def test_a_boxs_edges_are_along_the_pixels_that_it_holds() -> None:
    """128 x 128 pixels of equal sides on a panel of 512: four of the panel's for each, ([4 j0, 4 j1), [4 i0, 4 i1))."""
    rows: Rows = [((20, 40, 50.5, 80), 0.9, 1), ((60, 0, 128, 30), 0.8, 2)]
    found = detected([us_image(np.zeros((128, 128)), spacing=(1.0, 1.0))], rows)
    pixels, (first, second) = _panels(found.picture()), _inks(found)
    assert first != second
    assert _ring(pixels, first, (80, 160, 202, 320)) and _ring(pixels, second, (240, 0, 512, 120))
    for ink, window in ((first, (80, 160, 202, 320)), (second, (240, 0, 512, 120))):
        top, left, bottom, right = window
        outside = (pixels == ink).all(axis=2)
        outside[top:bottom, left:right] = False
        assert not outside.any()


def test_pixels_that_are_not_square_keep_their_shape() -> None:
    """64 rows of 1 mm and 128 columns of 0.25 mm: a panel of 512 rows, 256 columns wide in its middle."""
    found = detected([us_image(np.zeros((64, 128)), spacing=(1.0, 0.25))], [((8, 32, 40, 96), 0.9, 1)])
    assert _ring(_panels(found.picture()), _inks(found)[0], (64, 128 + 64, 320, 128 + 192))


def test_masks_are_outlined_within_their_boxes() -> None:
    labels = np.zeros((1, 128, 128), np.uint8)
    labels[0, 24:46, 45:75] = 1
    found, _ = masked([us_image(np.zeros((128, 128)), spacing=(1.0, 1.0))], [((20, 40, 50, 80), 0.9, 1)], labels, [1])
    pixels, ink = _panels(found.picture()), _inks(found)[0]
    assert _ring(pixels, ink, (80, 160, 200, 320)) and _ring(pixels, ink, (96, 180, 184, 300))


def test_a_volumes_masks_and_boxes_are_on_the_slice_through_the_surest_finding() -> None:
    """Nodule of slices 2 to 4 with its mask; the other lies in slices 6 and 7 and is drawn on the second panel alone."""
    labels = np.zeros((8, 64, 64), np.uint8)
    labels[2:5, 10:30, 12:28], labels[6:, 40:52, 40:60] = 1, 2
    rows: Rows = [((2, 8, 10, 5, 32, 30), 0.9, 1), ((6, 38, 38, 8, 54, 62), 0.6, 2)]
    found, _ = masked(ct_series(8, spacing=(2.0, 1.0, 1.0), pixels=np.zeros((8, 64, 64), np.int16)), rows, labels, [1, 2])
    panels, (first, second) = _panels(found.picture()), _inks(found)
    assert panels.shape[1] == 2 * 512
    left, right = panels[:, :512], panels[:, 512:]
    assert _ring(left, first, (64, 80, 256, 240)) and _ring(left, first, (80, 96, 240, 224))
    assert _ring(right, second, (304, 304, 432, 496)) and _ring(right, second, (320, 320, 416, 480))
    assert not (left == second).all(axis=2).any() and not (right == first).all(axis=2).any()


def test_a_volumes_picture_shows_the_slices_of_its_findings() -> None:
    datasets = ct_series(7, 13, 17)
    boxes: Rows = [((0, 0, 0, 2, 4, 4), 0.8, 1), ((4, 4, 4, 7, 9, 9), 0.7, 2)]
    assert _panels(detected(datasets, boxes).picture()).shape[1] == 1024
    assert _panels(detected(datasets, boxes[:0]).picture()).shape[1] == 512


@pytest.mark.parametrize("segmented", [True, False])
def test_several_tasks_share_one_picture(segmented: bool) -> None:
    """The mask's outline and the box, or the box alone where nothing was segmented."""
    source = [us_region(np.zeros((64, 64), np.uint8), (0.5, 0.5))]
    heads = {"heads": {"segmentation": 2, "classification": 3, "detection": 2}}
    network = {"name": "multitask", "arguments": heads, "weights_sha256": "0" * 64}
    package = lesion_reader(network=network, detection={"thresholds": [0.5]}, measures=[])
    mask = np.zeros((1, 64, 64), np.uint8)
    mask[0, 20:40, 16:50] = segmented
    two = answers_of(source, mask, 0.875, 0.0625)
    volume = assemble(source, spatial_dims=2, scale="unknown")
    boxes = Detections.on(volume, np.array([[16.0, 12, 44, 54], [1, 1, 9, 9]]), np.array([0.9, 0.2]), np.array([1, 1]))
    pixels = _panels(results_of(source, Answers({**two.by_head, "detection": boxes}), package)["overlay"].payload)
    ink = to_rgb(colours(package.labels)[1])
    assert _ring(pixels, ink, (128, 96, 352, 432)) and _ring(pixels, ink, (160, 128, 320, 400)) == segmented
    assert not (pixels[:80, :80] == ink).all(axis=2).any(), "a box below its threshold"
