"""A 3-D detector in a whole node: an oblique CT by C-STORE, balls as boxes in the patient in an SR at Orthanc, or an absence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.support import peers, validators
from tests.support.dicom_builders import ORIENTATIONS, ct_series, write
from tests.support.disc_finder import BRIGHT, DARK, NOISE, write_ball_finder
from tests.support.in_process import wetread_here
from tests.support.line import Line
from tests.support.wetread_node import delivered, running_node

pytestmark = pytest.mark.heavy

SHAPE, SPACING_MM, ORIGIN_MM = (38, 60, 68), (2.5, 1.6, 1.4), (-50.0, -40.0, 100.0)
OBLIQUE = ORIENTATIONS["double-oblique"]
BALLS = [((30.0, 28.0, 26.0), 9.0), ((62.0, 66.0, 64.0), 11.0)]
"""Middle (millimetres from the first voxel along k, j, i) and radius in millimetres."""

NEAR_MM, SIDE_MM = 4.0, 6.0
"""Two voxels of the network for a middle and for an edge, three for a side, which has two edges."""


@dataclass(frozen=True)
class Stated:
    """A finding as a reader of the SR has it: middle and sides (k, j, i) of its surface in the patient, millimetres."""

    tracking: tuple[str, str]
    frame_of_reference: str
    middle_lps_mm: NDArray[np.float64]
    sides_mm: NDArray[np.float64]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    package = write_ball_finder(folder / "ball-finder")
    with peers.orthanc(folder / "orthanc") as pacs, running_node(folder / "node", pacs, rules=()) as node:
        made = Line(node, pacs)
        made.use(package, {"name": "balls", "when": 'Modality == "CT"', "model": "ball-finder"})
        yield made


def test_balls_are_boxes_in_the_patient_at_the_pacs(line: Line, tmp_path: Path) -> None:
    slices = _study(BALLS)
    dumped, content, shown = _through(line, slices, tmp_path)
    assert dumped.count("Present") == 4 and "Absent" not in dumped and "2 found" in shown, shown
    surfaces, outlines = content.get_volumetric_roi_measurement_groups(), content.get_planar_roi_measurement_groups()
    stated = [_stated(group) for group in surfaces]
    assert len(stated) == len(outlines) == 2 and len({finding.tracking for finding in stated}) == 2
    for middle_mm, radius in BALLS:
        centre = _lps_mm(middle_mm)
        near = int(np.argmin([np.linalg.norm(finding.middle_lps_mm - centre) for finding in stated]))
        finding = stated[near]
        assert np.linalg.norm(finding.middle_lps_mm - centre) < NEAR_MM, stated
        assert np.abs(finding.sides_mm - 2 * radius).max() < SIDE_MM, stated
        assert finding.frame_of_reference == slices[0].FrameOfReferenceUID
        outline = next(group for group in outlines if (group.tracking_identifier, group.tracking_uid) == finding.tracking)
        _check_outline(outline, slices, middle_mm, radius)
        for group in (surfaces[near], outline):
            _check_certainty(group)


def test_a_volume_without_a_ball_is_reported_as_such(line: Line, tmp_path: Path) -> None:
    dumped, content, shown = _through(line, _study([]), tmp_path)
    assert "Absent" in dumped and "Present" not in dumped and "Mass: absent" in shown, shown
    assert not content.get_volumetric_roi_measurement_groups() and not content.get_planar_roi_measurement_groups()


def _through(line: Line, slices: Sequence[Dataset], folder: Path) -> tuple[str, highdicom.sr.MeasurementReport, str]:
    """Send a study; what comes of it: the SR as DCMTK and as highdicom read it, and what the node tells."""
    uid = str(slices[0].StudyInstanceUID)
    write(slices, folder / "ct")
    line.send(folder / "ct")
    line.node.wait(uid, delivered)
    found = line.at_pacs(uid, folder / "pacs")
    assert found.keys() == {"SR"}
    content = highdicom.sr.srread(found["SR"]).content
    assert isinstance(content, highdicom.sr.MeasurementReport)
    shown = wetread_here("show", uid, "--config", line.node.config).stdout
    return validators.dsrdump(found["SR"]), content, shown


def _study(balls: Sequence[tuple[tuple[float, float, float], float]]) -> list[Dataset]:
    axes_mm = np.meshgrid(*[np.arange(n) * step for n, step in zip(SHAPE, SPACING_MM, strict=True)], indexing="ij")
    inside = np.zeros(SHAPE, dtype=bool)
    for middle_mm, radius in balls:
        inside |= sum((axis - m) ** 2 for axis, m in zip(axes_mm, middle_mm, strict=True)) <= radius**2
    shown = np.where(inside, BRIGHT, DARK) + NOISE * np.random.default_rng(4).normal(size=SHAPE)
    hounsfield = (2000 * shown - 1000).round()
    series: dict[str, Any] = {"StudyInstanceUID": f"2.25.{7800 + len(balls)}", "StudyDescription": f"{len(balls)} balls"}
    return ct_series(*SHAPE, SPACING_MM, OBLIQUE, ORIGIN_MM, hounsfield, **series)


def _lps_mm(middle_mm: Sequence[float]) -> NDArray[np.float64]:
    """Where a place of the study lies in the patient."""
    row, column = np.array(OBLIQUE).reshape(2, 3)
    offset: NDArray[np.float64] = np.array(middle_mm) @ np.stack([np.cross(row, column), column, row])
    return offset + ORIGIN_MM


def _stated(group: highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations) -> Stated:
    surface = group.roi
    assert isinstance(surface, highdicom.sr.VolumeSurface)
    faces = np.array([face[:4] for face in surface.graphic_data])
    ends = faces[1, 0] - faces[0, 0], faces[0, 3] - faces[0, 0], faces[0, 1] - faces[0, 0]
    tracking = str(group.tracking_identifier), str(group.tracking_uid)
    middle, sides = faces.reshape(-1, 3).mean(axis=0), np.linalg.norm(np.array(ends), axis=1)
    return Stated(tracking, str(surface.frame_of_reference_uid), middle, sides)


def _check_outline(
    group: highdicom.sr.PlanarROIMeasurementsAndQualitativeEvaluations,
    slices: Sequence[Dataset],
    middle_mm: tuple[float, float, float],
    radius: float,
) -> None:
    """On the slice through the ball's middle, around what of the ball is there."""
    region = group.roi
    assert isinstance(region, highdicom.sr.ImageRegion)
    shown = region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    k = [str(dataset.SOPInstanceUID) for dataset in slices].index(str(shown))
    assert abs(k * SPACING_MM[0] - middle_mm[0]) <= SPACING_MM[0], (k, middle_mm)
    points_mm = (region.value - 0.5) * (SPACING_MM[2], SPACING_MM[1])
    wanted = [(middle_mm[2] + sign * radius, middle_mm[1] + sign * radius) for sign in (-1, 1)]
    assert np.abs([points_mm.min(axis=0), points_mm.max(axis=0)] - np.array(wanted)).max() < NEAR_MM


def _check_certainty(
    group: highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    | highdicom.sr.PlanarROIMeasurementsAndQualitativeEvaluations,
) -> None:
    (certainty,) = group.get_measurements()
    assert certainty.name.value == "111012" and certainty.unit.value == "%"
    assert 30.0 <= certainty.value <= 100.0
