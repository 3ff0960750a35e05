"""Targets, their numbers and their colours."""

from __future__ import annotations

import numpy as np
import pytest

from inference.report.codes import colours, procedure_of, table
from inference.report.identity import identify
from inference.report.sources.source import read_source
from inference.report.statements.measurements import Target, as_record, find_targets
from inference.volume import LabelMap
from storage.base.errors import ModelError
from tests.support.dicom_builders import ORIENTATIONS, ct_series, us_image
from tests.unit.inference.report.inputs import DIGEST, label_map_of, manifest, task


def targets_of(datasets: list, labels_kji: np.ndarray, **attributes: object) -> tuple[Target, ...]:  # type: ignore[type-arg]
    label_map: LabelMap = label_map_of(datasets, labels_kji)
    return find_targets(label_map, manifest(), read_source(datasets, label_map), identify(manifest(), DIGEST, task()))


@pytest.mark.parametrize("orientation", ["axial", "oblique-30", "double-oblique"])
def test_volume_is_voxels_times_determinant(orientation: str) -> None:
    labels = np.zeros((4, 16, 20), np.uint8)
    labels[1, 2:4, 3:8] = 2
    _, second, _ = targets_of(ct_series(4, orientation=ORIENTATIONS[orientation]), labels)
    assert (second.voxels, second.quantity, second.unit) == (10, "volume", "mm3")
    assert second.size == pytest.approx(10 * 2.5 * 0.8 * 0.7, abs=1e-3)


def test_an_image_without_position_has_areas() -> None:
    labels = np.zeros((1, 30, 40), np.uint8)
    labels[0, :2, :5] = 1
    first, *_ = targets_of([us_image(np.zeros((30, 40)), spacing=(0.3, 0.2))], labels)
    assert as_record(first)["area_mm2"] == pytest.approx(10 * 0.3 * 0.2)


def test_segment_numbers_count_the_present_labels_alone() -> None:
    labels = np.zeros((4, 16, 20), np.uint8)
    labels[0, 0, 0], labels[0, 0, 1] = 1, 3
    found = targets_of(ct_series(4), labels)
    assert [(t.label.value, t.present, t.segment_number) for t in found] == [(1, True, 1), (2, False, 0), (3, True, 2)]
    assert as_record(found[1]) | {"segment_number": None, "volume_mm3": 0.0, "present": False} == as_record(found[1])


def test_a_label_that_the_manifest_does_not_declare_is_refused() -> None:
    with pytest.raises(ModelError) as failure:
        targets_of(ct_series(4), np.full((4, 16, 20), 4, np.uint8))
    assert failure.value.reason_code == "output-labels"


def test_a_side_comes_from_the_label_then_from_the_header() -> None:
    labels = np.zeros((4, 16, 20), np.uint8)
    assert [t.laterality for t in targets_of(ct_series(4), labels)] == [None, None, "left"]
    assert [t.laterality for t in targets_of(ct_series(4, Laterality="R"), labels)] == ["right", "right", "left"]


def test_colours_are_fixed_and_differ() -> None:
    chosen = colours(manifest(12).labels)
    assert chosen == colours(manifest(12).labels)
    assert len(set(chosen.values())) == 12
    assert chosen[1] == table().colours[("10200004", "SCT")]


def test_the_imaging_procedure_of_a_modality() -> None:
    assert procedure_of("MR").value == "113091000"
    assert procedure_of("PT").meaning == "Imaging procedure"
