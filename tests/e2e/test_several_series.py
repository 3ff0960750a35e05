"""A model of CT and PET in a whole node: a sarcoma patient in five states, each with its result or its named refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from tests.support import peers
from tests.support.data import data_path
from tests.support.in_process import wetread_here
from tests.support.ports import free_port
from tests.support.tiny_package import write_tiny_package
from tests.support.wetread_node import SCANNER, WetreadNode, delivered, node_settings

pytestmark = pytest.mark.heavy

STS = "dicom/theibsi__data_sets/ibsi_validation/dicom/STS_002"
INPUTS: list[dict[str, Any]] = [
    {"name": "ct", "modality": ["CT"], "intensity": {"kind": "window", "lower": -200.0, "upper": 300.0}},
    {"name": "pet", "modality": ["PT"], "intensity": {"kind": "window", "lower": 0.0, "upper": 20.0}, "optional": True},
]
BY_FRAME = {
    "name": "by-frame",
    "when": 'Modality == "CT" && SeriesDescription == "plain"',
    "model": "fused",
    "deliver_to": ["pacs"],
    "quiet_s": 1,
}
BY_NAME = {
    **BY_FRAME,
    "name": "by-name",
    "when": 'Modality == "CT" && SeriesDescription == "named"',
    "inputs": {"pet": 'SeriesDescription == "given"'},
}


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.OrthancPeer]:
    with peers.orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, pacs: peers.OrthancPeer) -> Iterator[WetreadNode]:
    folder, port = tmp_path_factory.mktemp("node"), free_port()
    grid = {"spacing_mm": [6.54, 4.0, 4.0], "patch": [24, 48, 48], "minimum_multiple": 2}
    package = write_tiny_package(folder / "packages" / "fused", name="fused", inputs=INPUTS, grid=grid)
    settings = node_settings(folder, port, pacs, [BY_FRAME, BY_NAME]) | {"models": [str(package)]}
    made = WetreadNode(folder, port, settings)
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Study:
    """A study of the patient's CT and PET under UIDs of its own, with a copy of every image on disk."""

    def __init__(self, folder: Path, name: str) -> None:
        self.uid, self._folder, self._name = str(generate_uid(entropy_srcs=["several", name])), folder, name

    def series(self, modality: str, description: str, *, frame: str = "one", shift_mm: float = 0.0) -> str:
        """Add a series; returns its UID."""
        uid = str(generate_uid(entropy_srcs=["several", self._name, modality, description]))
        for number, path in enumerate(sorted((data_path(STS) / modality / "image").iterdir())):
            dataset = dcmread(path)
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SeriesDescription = self.uid, uid, description
            dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["several", self._name, frame])
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[uid, str(number)])
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            x, y, z = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x, y, float(z) + shift_mm]
            self._folder.mkdir(parents=True, exist_ok=True)
            dataset.save_as(self._folder / f"{modality}-{description}-{number:03d}.dcm")
        return uid

    def send(self, node: WetreadNode) -> None:
        sent = peers.run_tool("storescu", "-aec", node.ae_title, "-aet", SCANNER, "+sd", node.host, str(node.port), self._folder)
        assert sent.returncode == 0, sent.stderr


def _ended(story: dict[str, Any]) -> bool:
    """Whether every job is over, or every rule has been asked without one."""
    jobs = story["jobs"]
    return delivered(story) or any(job["state"] == "refused" for job in jobs) or bool(not jobs and _reason(story))


def _reason(story: dict[str, Any]) -> str:
    """Of the rule whose condition held: why it gave no job."""
    return next((d["reason"] for d in story["decisions"] if d["reason"].startswith("the condition holds")), "")


def _seg(pacs: peers.OrthancPeer, study: Study, folder: Path) -> Dataset:
    (content,) = pacs.files(StudyInstanceUID=study.uid, Modality="SEG")
    path = folder / "seg.dcm"
    path.write_bytes(content)
    return dcmread(path)


def _shown(node: WetreadNode, study: Study) -> str:
    return wetread_here("show", study.uid, "--config", node.config).stdout


def test_both_series_make_one_segmentation_on_the_reference(node: WetreadNode, pacs: peers.OrthancPeer, tmp_path: Path) -> None:
    study = Study(tmp_path / "study", "both")
    ct, pet = study.series("CT", "plain"), study.series("PET", "pet")
    study.send(node)
    story = node.wait(study.uid, _ended)
    assert [job["inputs"] for job in story["jobs"]] == [{"ct": ct, "pet": pet}]
    seg = _seg(pacs, study, tmp_path)
    (referenced,) = seg.ReferencedSeriesSequence
    assert referenced.SeriesInstanceUID == ct and (seg.Rows, seg.Columns) == _size(tmp_path)
    said = _shown(node, study)
    assert f"the condition holds, with pet {pet}" in said and f"inputs: ct {ct}, pet {pet}" in said
    assert "was missing" not in said


def _size(folder: Path) -> tuple[int, int]:
    image = dcmread(next((folder / "study").glob("CT-*")), stop_before_pixels=True)
    return image.Rows, image.Columns


def test_without_the_pet_it_runs_and_every_result_says_so(node: WetreadNode, pacs: peers.OrthancPeer, tmp_path: Path) -> None:
    study = Study(tmp_path / "study", "alone")
    ct = study.series("CT", "plain")
    study.send(node)
    story = node.wait(study.uid, _ended)
    assert [job["inputs"] for job in story["jobs"]] == [{"ct": ct}]
    assert _seg(pacs, study, tmp_path).ReferencedSeriesSequence[0].SeriesInstanceUID == ct
    said = _shown(node, study)
    assert "the condition holds, without pet, which is optional: the study has no PT series" in said
    assert "Input pet (PT) was missing: the model ran without it" in said
    (report,) = pacs.files(StudyInstanceUID=study.uid, Modality="SR")
    assert b"Input pet (PT) was missing" in report


def test_two_pets_are_never_chosen_between(node: WetreadNode, tmp_path: Path) -> None:
    study = Study(tmp_path / "study", "two")
    study.series("CT", "plain")
    pets = [study.series("PET", name) for name in ("AC", "NAC")]
    study.send(node)
    assert node.wait(study.uid, _ended)["jobs"] == []
    said = _shown(node, study)
    assert "no match: the condition holds, but 2 series fit input pet (" in said and all(uid in said for uid in pets)
    assert "give the rule a condition under inputs.pet" in said


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"frame": "other"}, "frame-of-reference: inputs ct and pet state no common FrameOfReferenceUID"),
        ({"shift_mm": 2000.0}, "no-overlap: input pet: the series shows nothing of the grid of ct"),
    ],
)
def test_a_named_series_that_lies_elsewhere_is_refused(
    node: WetreadNode, tmp_path: Path, given: dict[str, Any], refusal: str
) -> None:
    study = Study(tmp_path / "study", next(iter(given)))
    study.series("CT", "named")
    study.series("PET", "given", **given)
    study.send(node)
    (job,) = node.wait(study.uid, _ended)["jobs"]
    assert job["state"] == "refused"
    assert refusal in _shown(node, study)
