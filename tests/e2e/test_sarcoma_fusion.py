"""PET, CT and MR of a sarcoma patient from recipe to PACS: fitted, sent by C-STORE, a mask on the MR with and without the PET."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.uid import generate_uid

from inference.volume import assemble
from inference.volume.read import read_files
from tests.support import peers, small_training
from tests.support.data import data_path
from tests.support.in_process import wetread_here
from tests.support.line import Line
from tests.support.wetread_node import delivered, running_node, wetread
from training.data.sources.dicom.contours import contour_labels

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
STS = "dicom/theibsi__data_sets/ibsi_validation/dicom/STS_002"
NAME, FOLDERS = "sarcoma-fusion", {"mr": "MR_T1", "pet": "PET", "ct": "CT"}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    folder = tmp_path_factory.mktemp("line")
    with peers.orthanc(folder / "orthanc") as pacs, running_node(folder / "node", pacs, rules=()) as node:
        made = Line(node, pacs)
        made.use(_trained(tmp_path_factory.mktemp("trained")), {"name": "sarcomas", "when": 'Modality == "MR"', "model": NAME})
        yield made


def _trained(folder: Path) -> Path:
    recipe, data = small_training.sarcoma(folder)
    done = wetread("train", recipe, "--data", data, "--out", folder / "run", "--threads", "1", timeout_s=900.0)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def test_a_fused_mask_lies_on_the_mr(line: Line, tmp_path: Path) -> None:
    series, shown, found = _answered(line, tmp_path, ("mr", "pet", "ct"))
    assert "the condition holds, with" in shown and all(f"{name} {uid}" in shown for name, uid in series.items())
    assert found.keys() == {"SEG", "SR"} and b"was missing" not in found["SR"].read_bytes()
    seg = dcmread(found["SEG"])
    assert [each.SeriesInstanceUID for each in seg.ReferencedSeriesSequence] == [series["mr"]]
    assert _dice(_on_grid(seg), _truth()) > 0.5


def test_without_the_pet_it_runs_and_says_so(line: Line, tmp_path: Path) -> None:
    """What so short a fit finds without the PET is not asked, but that it tells what it lacked, also where it finds nothing."""
    _, shown, found = _answered(line, tmp_path, ("mr", "ct"))
    assert "without pet, which is optional: the study has no PT series" in shown
    assert "Input pet (PT) was missing: the model ran without it" in shown
    assert b"Input pet (PT) was missing: the model ran without it" in found["SR"].read_bytes()


def _answered(line: Line, folder: Path, given: tuple[str, ...]) -> tuple[dict[str, str], str, dict[str, Path]]:
    """Send the patient's series of these inputs: their UIDs, what `wetread show` says, and the objects at the PACS."""
    study, series = _study(folder / "study", given)
    line.send(folder / "study")
    story = line.node.wait(study, delivered, 300.0)
    assert [job["inputs"] for job in story["jobs"]] == [series]
    shown = wetread_here("show", study, "--config", line.node.config).stdout
    return series, shown, line.at_pacs(study, folder / "pacs")


def _study(folder: Path, given: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The patient's series of the inputs under UIDs of their own: the Study's and, by input, the Series'."""
    study, series = str(generate_uid()), {}
    for name in given:
        series[name] = str(generate_uid())
        (folder / name).mkdir(parents=True)
        for number, path in enumerate(sorted((data_path(STS) / FOLDERS[name] / "image").iterdir())):
            dataset: Any = dcmread(path)
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series[name]
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            dataset.save_as(folder / name / f"{number:03d}.dcm")
    return study, series


def _truth() -> NDArray[np.bool_]:
    """Inside the contour that is given on the MR (K, J, I)."""
    folder = data_path(STS) / FOLDERS["mr"]
    structures: Any = dcmread(folder / "mask" / "RS.dcm")
    names = {str(roi.ROIName): 1 for roi in structures.StructureSetROISequence}
    return contour_labels(structures, assemble(read_files(_images())), names) > 0


def _on_grid(seg: Any) -> NDArray[np.bool_]:
    """The SEG's frames on the MR's slices (K, J, I), by their positions."""
    heights = sorted(float(dcmread(path, stop_before_pixels=True).ImagePositionPatient[2]) for path in _images())
    mask = np.zeros((len(heights), seg.Rows, seg.Columns), bool)
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    for frame, group in zip(frames, seg.PerFrameFunctionalGroupsSequence, strict=True):
        height = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        mask[int(np.argmin(np.abs(np.array(heights) - height)))] |= frame > 0
    return mask


def _images() -> list[Path]:
    return sorted((data_path(STS) / FOLDERS["mr"] / "image").iterdir())


def _dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * float(np.count_nonzero(mask & truth)) / float(np.count_nonzero(mask) + np.count_nonzero(truth))
