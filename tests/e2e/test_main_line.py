"""The main line on real data with real peers: DCMTK's storescu sends, Orthanc keeps, DCMTK fetches, validators read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from inference.volume.assemble import assemble
from inference.volume.volume import Volume
from tests.support import peers, validators
from tests.support.in_process import wetread_here
from tests.support.ports import LOOPBACK, free_port
from tests.support.studies import STUDY_2_UID, study_2
from tests.support.wetread_node import SCANNER, WetreadNode, delivered, running_node, wetread

CLIENT = "FETCHER"


@dataclass
class Line:
    """A node and its PACS after the study has gone through; ``client_port`` is where C-MOVE sends."""

    node: WetreadNode
    pacs: peers.OrthancPeer
    client_port: int
    folder: Path
    story: dict[str, Any]

    def objects(self, modality: str) -> list[Path]:
        """The PACS's objects of one modality, as files."""
        files = []
        for index, content in enumerate(self.pacs.files(StudyInstanceUID=STUDY_2_UID, Modality=modality)):
            path = self.folder / f"{modality}-{index}.dcm"
            path.write_bytes(content)
            files.append(path)
        return files

    def one(self, modality: str) -> Path:
        (path,) = self.objects(modality)
        return path


def _send(node: WetreadNode) -> None:
    sent = peers.run_tool("storescu", "-aec", node.ae_title, "-aet", SCANNER, "+sd", "+r", node.host, str(node.port), study_2())
    assert sent.returncode == 0, sent.stderr


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    study_2()
    folder = tmp_path_factory.mktemp("line")
    client_port = free_port()
    with peers.orthanc(folder / "orthanc", {CLIENT: client_port}) as pacs, running_node(folder / "node", pacs) as node:
        _send(node)
        yield Line(node, pacs, client_port, folder, node.wait(STUDY_2_UID, delivered))


def test_the_pacs_lists_seg_and_sr_in_the_study(line: Line) -> None:
    modalities = Counter(
        line.pacs.get(f"/series/{found}")["MainDicomTags"]["Modality"]
        for found in line.pacs.find("Series", StudyInstanceUID=STUDY_2_UID)
    )
    assert modalities == {"SEG": 1, "SR": 1}


def test_dcmtk_finds_and_moves_them(line: Line) -> None:
    query = ["-aec", "ORTHANC", "-aet", CLIENT, LOOPBACK, str(line.pacs.port)]
    keys = [
        "-k",
        "QueryRetrieveLevel=SERIES",
        "-k",
        f"StudyInstanceUID={STUDY_2_UID}",
        "-k",
        "Modality",
        "-k",
        "SeriesInstanceUID",
    ]
    found = peers.run_tool("findscu", "-v", "-S", *keys, *query)
    assert found.returncode == 0
    said = found.stdout + found.stderr
    assert re.search(r"\[SEG ?\]", said) and re.search(r"\[SR ?\]", said)
    target = line.folder / "moved"
    target.mkdir(exist_ok=True)
    move = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={STUDY_2_UID}"]
    moved = peers.run_tool("movescu", "-S", "+P", str(line.client_port), "-od", target, *move, *query)
    assert moved.returncode == 0, moved.stderr
    assert Counter(dcmread(path).Modality for path in target.iterdir()) == {"SEG": 1, "SR": 1}


def test_validators_have_no_complaint(line: Line) -> None:
    for modality in ("SEG", "SR"):
        assert validators.dciodvfy(line.one(modality)) == []
    assert validators.dsrdump(line.one("SR"))


def test_dcmqi_reads_the_same_voxels(line: Line) -> None:
    path = line.one("SEG")
    volume = assemble([dcmread(file) for file in (study_2() / "14_HCropVolume").iterdir()])
    ours = _placed(dcmread(path), volume)
    theirs = validators.voxels_on_grid(validators.segimage2itkimage(path), volume.affine_lps_mm, ours.shape)
    assert np.count_nonzero(ours) > 1000
    assert np.array_equal(theirs, ours)


def test_volumes_in_the_sr_equal_those_counted_in_the_seg(line: Line) -> None:
    seg, sr = dcmread(line.one("SEG")), dcmread(line.one("SR"))
    voxels = _voxels(seg)
    voxel_mm3 = 1.0  # 1 mm isotropic source
    expected = {str(s.TrackingUID): voxels[int(s.SegmentNumber)] * voxel_mm3 for s in seg.SegmentSequence}
    assert len(expected) == 2
    assert _volumes(sr) == pytest.approx(expected)


def test_every_series_is_told_with_its_reason(line: Line) -> None:
    decisions = {d["series_instance_uid"]: d for d in line.story["decisions"]}
    assert sorted(d["matched"] for d in decisions.values()) == [False, True]
    (other,) = (d for d in decisions.values() if not d["matched"])
    assert "SeriesDescription" in other["reason"]
    assert line.story["next"] == "nothing: all that was asked for is done"


def test_the_same_study_again_starts_nothing_and_show_says_so(line: Line) -> None:
    before = line.node.story(STUDY_2_UID)
    assert before is not None
    _send(line.node)
    after = line.node.wait(STUDY_2_UID, lambda story: any(e["kind"] == "study.resent-nothing-new" for e in story["events"]))
    assert [job["id"] for job in after["jobs"]] == [job["id"] for job in before["jobs"]]
    assert len(after["revisions"]) == 1
    assert len(line.pacs.find("Instance", StudyInstanceUID=STUDY_2_UID)) == 2
    shown = wetread("show", STUDY_2_UID, "--config", line.node.config).stdout
    assert "sent again: nothing new" in shown


def test_status_counts_what_there_is(line: Line) -> None:
    shown = wetread_here("status", "--config", line.node.config)
    assert shown.returncode == 0
    assert "1 done" in shown.stdout and "2 delivered" in shown.stdout


def test_no_text_of_the_header_reaches_logs_or_story(line: Line) -> None:
    header = dcmread(next((study_2() / "14_HCropVolume").iterdir()), stop_before_pixels=True)
    told = line.node.log.read_text() + wetread_here("show", STUDY_2_UID, "--json", "--config", line.node.config).stdout
    for keyword in ("PatientName", "PatientID", "AccessionNumber"):
        value = str(header.get(keyword, ""))
        assert value == "" or value not in told


def _placed(seg: Dataset, volume: Volume) -> NDArray[np.uint16]:
    """Segment numbers on the source grid, each frame at the slice whose position it states."""
    placed = np.zeros(volume.voxels_kji.shape, dtype=np.uint16)
    to_index = np.linalg.inv(volume.affine_lps_mm)
    for group, frame in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        position = [*map(float, group.PlanePositionSequence[0].ImagePositionPatient), 1.0]
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        placed[round(float((to_index @ position)[2]))][frame != 0] = number
    return placed


def _voxels(seg: Dataset) -> dict[int, int]:
    """Voxels per segment number, counted in the stored frames."""
    counts: dict[int, int] = {}
    for group, frame in zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array, strict=True):
        number = int(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        counts[number] = counts.get(number, 0) + int(np.count_nonzero(frame))
    return counts


def _volumes(sr: Dataset) -> dict[str, float]:
    """Tracking UID -> volume (118565006, SCT) in the measurement groups."""
    found: dict[str, float] = {}
    for container in sr.ContentSequence:
        for group in container.get("ContentSequence", ()):
            items = {i.ConceptNameCodeSequence[0].CodeValue: i for i in group.get("ContentSequence", ())}
            if "118565006" in items:
                measured = items["118565006"].MeasuredValueSequence[0]
                assert measured.MeasurementUnitsCodeSequence[0].CodeValue == "mm3"
                found[str(items["112040"].UID)] = float(measured.NumericValue)
    return found
