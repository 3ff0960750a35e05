from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inference.manifest import Manifest, read_manifest
from storage.base.errors import ModelError
from tests.support.packages import manifest

CODE = {"value": "1", "scheme": "99T", "meaning": "thing"}
FLAT: dict[str, Any] = {
    "inputs": [{"name": "image", "modality": ["DX"], "spatial_dims": 2}],
    "grid": {"spacing_mm": None, "patch": [32, 32], "fit": "stretch"},
}
CLASSIFIER: dict[str, Any] = {**FLAT, "task": "classification", "classification": {"thresholds": [0.5]}}
HEADS = {"segmentation": 2, "classification": 3}
CLASSES = [{"value": n, "name": f"class {n}", "category": CODE, "type": CODE} for n in (1, 2)]
SEVERAL: dict[str, Any] = {
    **FLAT,
    "task": "multitask",
    "network": {"name": "multitask", "arguments": {"heads": HEADS}, "weights_sha256": "0"},
    "classes": CLASSES,
    "classification": {"thresholds": [0.5, 0.4], "temperature": 2},
}
DETECTOR: dict[str, Any] = {**FLAT, "task": "detection", "detection": {"thresholds": [0.5]}}
MEASURE = {"label": 1, "kind": "ellipse_circumference", "name": "Circumference", "code": CODE}


def test_a_package_of_the_first_release_is_as_it_was() -> None:
    made = manifest()
    assert (made.grid.fit, made.network.more_weights, made.classification, made.measures) == ("spacing", (), None, ())
    assert made.labels[0].site is None and made.inputs[0].colour == "refuse"
    assert [member.weights for member in made.network.members] == ["models/model.safetensors"]


def test_a_classifier_a_detector_and_an_ellipse_are_read_back() -> None:
    for changes in (CLASSIFIER, DETECTOR, {**FLAT, "measures": [MEASURE]}, SEVERAL):
        made = manifest(**changes)
        assert Manifest.model_validate_json(made.model_dump_json()) == made


def test_each_head_has_the_manifest_of_a_package_of_its_own() -> None:
    made = manifest(**SEVERAL, measures=[MEASURE], postprocess={"keep_largest": [1], "mirror_axes": [1]})
    assert made.heads == ("segmentation", "classification") and manifest().heads == ("segmentation",)
    masks, classes = (made.of_head(head) for head in made.heads)
    for alone in (masks, classes):
        assert Manifest.model_validate(alone.model_dump()) == alone and alone.heads == (alone.task,) and alone.name == made.name
        assert alone.postprocess.mirror_axes == (1,) and alone.grid == made.grid
    assert masks.labels == made.labels and masks.measures and masks.postprocess.keep_largest == (1,)
    assert classes.labels == made.classes and classes.classification == made.classification


def _heads(**heads: int) -> dict[str, Any]:
    return {**SEVERAL, "network": {**SEVERAL["network"], "arguments": {"heads": heads}}}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {**SEVERAL, "network": {**SEVERAL["network"], "arguments": {}}},
            "network.arguments: heads must name the outputs of seg",
        ),
        (_heads(segmentation=2), "network.arguments: heads must name"),
        (_heads(segmentation=2, boxes=2), "network.arguments: heads must name"),
        (_heads(classification=3, detection=2), "network.arguments: heads must name"),
        (
            _heads(segmentation=3, classification=3),
            r"network.arguments: heads.segmentation must be .* labels \(2\)",
        ),
        (
            _heads(segmentation=2, classification=2),
            r"network.arguments: heads.classification must be .* classes \(3\)",
        ),
        ({**SEVERAL, "classes": []}, "classes: name the classes of the image"),
        ({**SEVERAL, "classes": [CLASSES[1]]}, "classes: values must count"),
        ({**CLASSIFIER, "classes": CLASSES}, "classes: are for several tasks at once"),
        ({**SEVERAL, "classification": None}, "classification: is missing"),
        ({**SEVERAL, "classification": {"thresholds": [0.5]}}, r"classification.thresholds: needs one per label \(2\), not 1"),
        ({**SEVERAL, "grid": {"spacing_mm": None, "patch": [32, 32]}}, "grid.fit: several tasks at once see one image whole"),
        ({"task": "classification"}, "classification: is missing"),
        ({"classification": {"thresholds": [0.5]}}, "classification: must be null"),
        (
            {**CLASSIFIER, "classification": {"thresholds": [0.5, 0.5]}},
            r"classification\.thresholds: needs one per label \(1\), not 2",
        ),
        ({**CLASSIFIER, "classification": {"thresholds": []}}, r"classification\.thresholds: needs one per label"),
        ({**CLASSIFIER, "classification": {"thresholds": [1.0]}}, r"classification\.thresholds\.0: .* less than 1"),
        (
            {**CLASSIFIER, "classification": {"thresholds": [0.5], "temperature": 0}},
            r"classification\.temperature: .* greater than or equal to 0.01",
        ),
        ({**CLASSIFIER, "classification": {"thresholds": [0.5], "temperature": 1e9}}, r"classification\.temperature: .* 100"),
        ({**FLAT, "intensity": {"kind": "window", "lower": float("nan"), "upper": 1}}, r"intensity\.lower: .* finite"),
        ({**FLAT, "intensity": {"kind": "zscore", "lower": -1, "upper": 99}}, "intensity: .* percentiles"),
        ({"grid": {"spacing_mm": [1, 1, 1e-9], "patch": [8, 8, 8]}}, r"grid\.spacing_mm: must lie from 0.001"),
        ({"grid": {"spacing_mm": [1, 1, float("inf")], "patch": [8, 8, 8]}}, r"grid\.spacing_mm\.2: .* finite"),
        ({"grid": {"spacing_mm": None, "patch": [4096, 4096, 4096]}}, r"grid\.patch: holds more than"),
        ({"deadline_s": 1e300}, "deadline_s: .* less than or equal"),
        ({"inputs": [{"modality": []}]}, r"inputs\.0\.modality: .* at least 1 item"),
        ({"labels": [{"value": 1, "name": "a\\b", "category": CODE, "type": CODE}]}, r"labels\.0\.name: .* pattern"),
        ({"labels": [{"value": 1, "name": "x", "category": CODE, "type": {**CODE, "value": ""}}]}, r"labels\.0\.type\.value"),
        ({"labels": [{"value": n, "name": "x", "category": CODE, "type": CODE} for n in (1, 2)]}, "labels: two have one name"),
        ({"title": "a\0b"}, r"\(whole file\): holds \\u0000"),
        ({**CLASSIFIER, "classification": {"thresholds": [0.5], "temperature": "NaN"}}, r"classification\.temperature"),
        ({**CLASSIFIER, "measures": [MEASURE]}, "measures: need the masks"),
        ({**CLASSIFIER, "postprocess": {"keep_largest": [1]}}, r"postprocess\.keep_largest: needs the masks"),
        ({**FLAT, "measures": [{**MEASURE, "label": 2}]}, "measures: name a value that is no label"),
        ({"measures": [MEASURE]}, "measures: are taken from 2-D images alone"),
        ({"grid": {"spacing_mm": None, "patch": [32, 32, 32], "fit": "pad"}}, r"grid\.fit: pad takes 2-D images"),
        ({**FLAT, "grid": {"spacing_mm": [1, 1], "patch": [32, 32], "fit": "crop"}}, r"grid\.spacing_mm: must be null"),
        ({"inputs": [{"modality": ["MR"], "colour": "grey"}]}, "inputs: colour"),
        ({"task": "detection"}, "detection: is missing; a detection needs its thresholds"),
        ({"detection": {"thresholds": [0.5]}}, "detection: must be null for a segmentation"),
        ({**DETECTOR, "classification": {"thresholds": [0.5]}}, "classification: must be null for a detection"),
        ({**DETECTOR, "detection": {"thresholds": [0.5, 0.5]}}, r"detection\.thresholds: needs one per label \(1\), not 2"),
        ({**DETECTOR, "detection": {"thresholds": [0.1], "score": 0.2}}, r"detection\.thresholds: one is below detection\.score"),
        ({**DETECTOR, "detection": {"thresholds": [0.5], "overlap": 1}}, r"detection\.overlap: .* less than 1"),
        ({**DETECTOR, "detection": {"thresholds": [0.5], "suppression": "soft"}}, r"detection\.suppression: .*'hard', 'linear'"),
        ({**DETECTOR, "detection": {"thresholds": [0.5], "most": 0}}, r"detection\.most: .* greater than"),
        ({**DETECTOR, "measures": [MEASURE]}, "measures: need the masks"),
        ({**DETECTOR, "postprocess": {"keep_largest": [1]}}, r"postprocess\.keep_largest: needs the masks"),
        ({"weights_licence": " "}, "weights_licence: is blank; state the terms"),
        ({"licence": ""}, "licence: is blank"),
        ({"labels": [{"value": 2, "name": "x", "category": CODE, "type": CODE}]}, "labels: values must count"),
    ],
)
def test_what_does_not_fit_is_named_with_file_and_key(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    document = manifest().model_dump(mode="json") | changes
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "wetread.json").write_text(json.dumps(document))
    with pytest.raises(ModelError, match=rf"wetread\.json: {says}") as caught:
        read_manifest(tmp_path)
    assert caught.value.reason_code == "manifest-invalid" and "Value error" not in caught.value.message


@pytest.mark.parametrize("twice", ["weights", "sha256"])
def test_a_member_that_stands_twice_is_refused(twice: str) -> None:
    network = manifest().network
    first = network.members[0].model_dump()
    other = {"weights": "models/b.safetensors", "sha256": "b" * 64, twice: first[twice]}
    with pytest.raises(ValueError, match=f"the same {twice}"):
        manifest(network={**network.model_dump(), "more_weights": [other]})


def test_text_that_is_no_json_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "wetread.json").write_text("{")
    with pytest.raises(ModelError, match=r"\(whole file\): Invalid JSON"):
        read_manifest(tmp_path)


def test_no_more_members_than_memory_holds() -> None:
    network = manifest().network
    others = [{"weights": f"models/{n}.safetensors", "sha256": f"{n:064x}"} for n in range(64)]
    assert len(manifest(network={**network.model_dump(), "more_weights": others[:63]}).network.members) == 64
    with pytest.raises(ValueError, match="at most 63"):
        manifest(network={**network.model_dump(), "more_weights": others})


def test_the_shipped_packages_are_still_valid() -> None:
    folder = Path(__file__).parents[4] / "inference" / "bundles"
    assert [read_manifest(path).name for path in sorted(folder.iterdir()) if (path / "configs").is_dir()]
