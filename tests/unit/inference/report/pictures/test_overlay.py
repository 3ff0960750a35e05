"""The picture: which slices, which pixels, what is written."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.report.codes import to_rgb
from inference.report.identity import identify
from inference.report.pictures.overlay import choose_slices, draw_overlay
from inference.report.pictures.parts import INK, PANEL_PIXELS
from inference.report.sources.source import Source, read_source
from inference.report.statements.measurements import Target, find_targets
from inference.volume import LabelMap
from tests.support.dicom_builders import ct_series
from tests.support.wrapped_images import us_region
from tests.unit.inference.report.inputs import DIGEST, disc, head_finder, label_map_of, manifest, results_of, task


def _prepared(labels: NDArray[np.uint8]) -> tuple[Source, LabelMap, tuple[Target, ...]]:
    datasets = ct_series(8, 16, 20)
    label_map = label_map_of(datasets, labels)
    source = read_source(datasets, label_map)
    return source, label_map, find_targets(label_map, manifest(), source, identify(manifest(), DIGEST, task()))


def _picture(labels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[Target, ...]]:
    source, label_map, targets = _prepared(labels)
    content = draw_overlay(source, label_map, targets, identify(manifest(), DIGEST, task()))
    return np.asarray(Image.open(BytesIO(content)).convert("RGB")), targets


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    labels = np.zeros((8, 16, 20), np.uint8)
    labels[2, 2:10, 2:10], labels[3, 2:4, 2:4] = 1, 1
    labels[6, 4:6, 4:8] = 2
    return labels


def test_every_present_label_is_seen(labels: NDArray[np.uint8]) -> None:
    _, _, targets = _prepared(labels)
    assert choose_slices(labels, targets) == [2, 6]
    assert choose_slices(np.zeros_like(labels), [replace(t, voxels=0) for t in targets]) == [4]


def test_outlines_have_the_colours_of_their_labels(labels: NDArray[np.uint8]) -> None:
    picture, targets = _picture(labels)
    assert picture.shape[1] == 2 * PANEL_PIXELS
    left, right = picture[:PANEL_PIXELS, :PANEL_PIXELS], picture[:PANEL_PIXELS, PANEL_PIXELS:]
    found = [[bool((panel == to_rgb(t.colour)).all(axis=2).any()) for t in targets] for panel in (left, right)]
    assert found == [[True, False, False], [False, True, False]]


def test_an_outline_lies_where_its_label_does(labels: NDArray[np.uint8]) -> None:
    """Columns 2..9 of 20 and rows 2..9 of 16, pixels of 0.7 x 0.8 mm, on a panel as wide as the image."""
    picture, targets = _picture(labels)
    drawn = np.argwhere((picture[:PANEL_PIXELS, :PANEL_PIXELS] == to_rgb(targets[0].colour)).all(axis=2))
    scale = PANEL_PIXELS / (20 * 0.7)
    top = (PANEL_PIXELS - 16 * 0.8 * scale) / 2
    expected = [top + 2 * 0.8 * scale, 2 * 0.7 * scale, top + 10 * 0.8 * scale, 10 * 0.7 * scale]
    assert [*drawn.min(axis=0), *drawn.max(axis=0)] == pytest.approx(expected, abs=2)


def test_a_study_without_findings_has_a_picture_too() -> None:
    picture, _ = _picture(np.zeros((8, 16, 20), np.uint8))
    assert picture.shape[1] == PANEL_PIXELS


def test_the_ellipse_that_was_measured_is_drawn_around_its_mask() -> None:
    """Semi-axes of 20 columns and 10 rows of equal millimetres, in an image of 80 x 40 that is as wide as the panel."""
    datasets = [us_region(np.zeros((40, 80), np.uint8), (0.5, 0.5))]
    payload = results_of(datasets, label_map_of(datasets, disc((40, 80), (20, 30), (10, 20))), head_finder())["overlay"].payload
    picture = np.asarray(Image.open(BytesIO(payload)).convert("RGB"))[60:PANEL_PIXELS]
    drawn = np.argwhere((picture == INK).all(axis=2))
    scale, top = PANEL_PIXELS / 80, (PANEL_PIXELS - 256) / 2 - 60
    expected = [top + 10.5 * scale, 10.5 * scale, top + 30.5 * scale, 50.5 * scale]
    assert [*drawn.min(axis=0), *drawn.max(axis=0)] == pytest.approx(expected, abs=3)
