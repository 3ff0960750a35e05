"""Results of a model of several tasks as the tools of others read them, and what its checks find."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.report.checks.read_back import read_back
from inference.report.heads import share_of_classes, share_of_targets
from inference.report.identity import identify
from inference.report.several import check_answers
from inference.report.sources.source import read_source
from inference.report.statements.measurements import find_targets
from inference.volume import Answers, ClassProbabilities, Detections, assemble
from storage.base.errors import ModelError
from tests.support.validators import dciodvfy, dsrdump
from tests.support.wrapped_images import us_region
from tests.unit.inference.report.inputs import DIGEST, answers_of, disc, lesion_reader, results_of, task
from tests.unit.inference.report.sr.test_sr import groups_of, values_of

GREY = (np.arange(60 * 80).reshape(60, 80) % 251).astype(np.uint8)
FOUND, NOTHING = disc((60, 80), (25, 45), (15, 30)), np.zeros((1, 60, 80), np.uint8)


@pytest.mark.parametrize("spacing", [(0.4, 0.2), None])
def test_mask_and_classes_are_in_one_clean_report(spacing: tuple[float, float] | None, tmp_path: Path) -> None:
    source = [us_region(GREY, spacing)]
    results = results_of(source, answers_of(source, FOUND, 0.875, 0.0625), lesion_reader())
    for role in ("seg", "sr"):
        (tmp_path / f"{role}.dcm").write_bytes(results[role].payload)
        assert dciodvfy(tmp_path / f"{role}.dcm") == []
    printed = dsrdump(tmp_path / "sr.dcm")
    for words in ('Presence of property")=(52101004,SCT,"Present")', '=(272519000,SCT,"Absent")', '"0.875" (1,UCUM'):
        assert words in printed
    assert ('"Head Circumference")="' in printed) == (spacing is not None)
    report = highdicom.sr.srread(tmp_path / "sr.dcm")
    regions = report.content.get_planar_roi_measurement_groups()  # type: ignore[attr-defined]
    images = report.content.get_image_measurement_groups()  # type: ignore[attr-defined]
    assert (len(regions), len(images)) == (1, 2)
    assert len({group.tracking_uid for group in (*regions, *images)}) == 3, "labels of two heads have equal values"
    records = json.loads(results["json"].payload)
    assert records["task"] == "segmentation and classification"
    assert [(record["label"], record["present"]) for record in records["measurements"]] == [
        ("Fetal head", True),
        ("Pneumonia", True),
        ("Pleural effusion", False),
    ]
    assert "0.875" in results["text"].payload.decode()


def test_a_negative_study_says_so_of_every_head(tmp_path: Path) -> None:
    source = [us_region(GREY, (0.4, 0.2))]
    results = results_of(source, answers_of(source, NOTHING, 0.125, 0.0625), lesion_reader())
    assert set(results) == {"sr", "overlay", "text", "json"}
    (tmp_path / "sr.dcm").write_bytes(results["sr"].payload)
    assert dciodvfy(tmp_path / "sr.dcm") == []
    assert dsrdump(tmp_path / "sr.dcm").count('=(272519000,SCT,"Absent")') == 3


@pytest.mark.parametrize("score", [0.9, 0.1])
def test_boxes_stand_in_the_same_report(score: float, tmp_path: Path) -> None:
    source = [us_region(GREY, (0.4, 0.2))]
    heads = {"heads": {"segmentation": 2, "classification": 3, "detection": 2}}
    network = {"name": "multitask", "arguments": heads, "weights_sha256": "0" * 64}
    package = lesion_reader(network=network, detection={"thresholds": [0.5]})
    two = answers_of(source, FOUND, 0.875, 0.0625)
    volume = assemble(source, spatial_dims=2, scale="unknown")
    box = Detections.on(volume, np.array([[10.0, 15.0, 40.0, 75.0]]), np.array([score]), np.array([1]))
    results = results_of(source, Answers({**two.by_head, "detection": box}), package)
    (tmp_path / "sr.dcm").write_bytes(results["sr"].payload)
    assert dciodvfy(tmp_path / "sr.dcm") == []
    printed, found = dsrdump(tmp_path / "sr.dcm"), score >= 0.5
    assert (printed.count("POLYLINE"), printed.count('=(272519000,SCT,"Absent")')) == ((1, 1) if found else (0, 2))
    records = json.loads(results["json"].payload)["measurements"]
    assert [record["label"] for record in records] == ["Fetal head", "Pneumonia", "Pleural effusion", "Fetal head"]
    assert records[-1]["present"] == found
    if found:
        assert records[-1]["findings"][0]["tracking_uid"] != records[0]["tracking_uid"]


def _probability(sr: Dataset) -> None:
    values_of(groups_of(sr)[1], "122157")[0].MeasuredValueSequence[0].NumericValue = "0.8"


def _length(sr: Dataset) -> None:
    values_of(groups_of(sr)[0], "11984-2")[0].MeasuredValueSequence[0].NumericValue = "1"


def _swap(sr: Dataset) -> None:
    (container,) = values_of(sr, "126010")
    groups = groups_of(sr)
    places = [container.ContentSequence.index(group) for group in groups[:2]]
    container.ContentSequence[places[0]], container.ContentSequence[places[1]] = groups[1], groups[0]


@pytest.mark.parametrize(("spoil", "code"), [(_probability, "values"), (_length, "values"), (_swap, "template")])
def test_a_defect_of_either_head_is_found(spoil: Callable[[Dataset], None], code: str) -> None:
    source, package = [us_region(GREY, (0.4, 0.2))], lesion_reader()
    answers = answers_of(source, FOUND, 0.875, 0.0625)
    results = results_of(source, answers, package)
    read, identity = read_source(source, answers), identify(package, DIGEST, task())
    masks, images = package.of_head("segmentation"), package.of_head("classification")
    targets = find_targets(answers.mask, masks, read, identity.of_head("segmentation"))
    classes = answers.by_head["classification"]
    assert isinstance(classes, ClassProbabilities)
    shares = [
        share_of_targets(targets, read, masks, identity),
        share_of_classes(classes, read, images, identity.of_head("classification")),
    ]
    seg, sr = (read_back(results[role].payload) for role in ("seg", "sr"))
    counts = {1: int(FOUND.sum())}
    check_answers(deepcopy(sr), seg, counts, shares, read, identity)
    spoil(sr)
    with pytest.raises(ModelError) as caught:
        check_answers(sr, seg, counts, shares, read, identity)
    assert caught.value.reason_code == f"report-{code}"
