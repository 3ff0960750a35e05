"""The supplied sets, with what is known to be wrong with them. Seconds each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from storage.base.errors import ConfigError
from tests.unit.training.data.made import recipe_of
from training.data import fold_names, grid_case, make_statement, read_parts
from training.data.checks.treat import treat
from training.data.sources import list_entries
from training.recipe import Recipe, read_recipe
from training.recipe.data.split import Duplicates

DRAWN = {"kind": "drawn", "shares": {"train": 0.7, "validate": 0.1, "test": 0.2}, "stratify": "class", "seed": 7}


def _breast(**duplicates: str) -> Recipe:
    data = {"kind": "png", "images": "*/*.png", "masks": "{folder}/{stem}_mask.png", "class_from": "folder", "split": DRAWN}
    return recipe_of(data | {"duplicates": duplicates}, 1, "segmentation", 2)


def _pneumonia(**duplicates: str) -> Recipe:
    data = {"kind": "npz", "file": "pneumoniamnist.npz", "split": {"kind": "given"}, "duplicates": duplicates}
    return recipe_of(data, 1, "classification", 2)


@pytest.mark.heavy
def test_breast_lesions_hold_97_pairs_of_which_some_contradict(test_data: Path) -> None:
    folder = test_data / "labelled" / "breast-us"
    dataset = read_parts(_breast(treat="group", contradictions="drop"), folder)
    pairs = {(pair.first, pair.second): pair.contradiction for pair in dataset.findings.pairs}
    assert len(pairs) == 97 and sum(map(bool, pairs.values())) == 5
    assert pairs["benign/042", "malignant/051"] == "class"
    assert "malignant/051" in dataset.findings.dropped and len(dataset.entries) == 625 - 9
    parts = [{dataset.parts[pair.first], dataset.parts[pair.second]} for pair in dataset.findings.pairs if _both(dataset, pair)]
    assert parts and all(len(held) == 1 for held in parts)
    counts = make_statement(dataset).document["parts"]
    shares = {part: told["traits"]["class"]["malignant"] / told["cases"] for part, told in counts.items()}
    assert max(shares.values()) - min(shares.values()) < 0.04
    entries = list_entries(dataset.recipe, folder)
    with pytest.raises(ConfigError, match=r"5 pairs .*contradict.* benign/042 and malignant/051"):
        treat(entries, {}, True, dataset.findings.pairs, Duplicates())


def _both(dataset: Any, pair: Any) -> bool:
    return pair.first in dataset.parts and pair.second in dataset.parts


@pytest.mark.heavy
def test_pneumonia_has_8_images_in_two_parts_and_17_that_repeat(test_data: Path) -> None:
    folder = test_data / "labelled" / "pneumonia-mnist"
    dataset = read_parts(_pneumonia(treat="drop"), folder)
    assert {part: len(dataset.names(part)) for part in ("train", "validate", "test")} == {
        "train": 3857,
        "validate": 524,
        "test": 624,
    }
    dropped = dataset.findings.dropped
    assert len({reason for reason in dropped.values() if "as val_" in reason}) == 8
    learnt = Counter(fact.digest for name, fact in dataset.facts.items() if name.startswith("train"))
    assert sum(learnt.values()) - len(learnt) == 17 and len(dropped) == 8 + 17
    assert all(pair.exact for pair in dataset.findings.pairs) and not any(pair.contradiction for pair in dataset.findings.pairs)


def test_hippocampus_pairs_stay_together(test_data: Path) -> None:
    data = {"kind": "nifti", "group": {"by": "consecutive", "size": 2, "means": "person"}}
    split = {"kind": "ranges", "train": [1, 200], "validate": [201, 240], "test": [241, 400]}
    dataset = read_parts(recipe_of(data | {"split": split}), test_data / "labelled" / "hippocampus")
    assert [len(dataset.names(part)) for part in ("train", "validate", "test")] == [126, 28, 36]
    told = make_statement(dataset).document
    assert told["all"]["groups"] == 125 and told["duplicates"]["count"] == 0
    assert told["intensity"]["all"]["scale_ratio"] > 5000
    group = {entry.name: entry.group for entry in dataset.entries}
    for learnt, held in fold_names(dataset, 5, 3):
        assert not {group[name] for name in learnt} & {group[name] for name in held}
    odd = split | {"train": [1, 203], "validate": [204, 240]}
    with pytest.raises(ConfigError, match=r"one person at hippocampus_203 \(train\) and hippocampus_204 \(validate\)"):
        read_parts(recipe_of(data | {"split": odd}), test_data / "labelled" / "hippocampus")


@pytest.mark.heavy
def test_heads_are_split_by_examination(test_data: Path) -> None:
    data: dict[str, Any] = {"kind": "png", "masks": "masks/{name}", "table": "cases.csv", "spacing_column": "pixel_size_mm"}
    data |= {"truth_columns": {"circumference_mm": "head_circumference_mm"}, "split": DRAWN | {"stratify": ""}}
    data |= {"group": {"by": "pattern", "pattern": r"^(\d+)_", "means": "examination"}}
    dataset = read_parts(recipe_of(data, 1, "segmentation", 2), test_data / "labelled" / "fetal-head")
    told = make_statement(dataset).document
    assert (told["all"]["cases"], told["all"]["groups"]) == (516, 420)
    assert [(pair.first, pair.second, pair.one_group) for pair in dataset.findings.pairs] == [
        ("243_3HC", "243_HC", True),
        ("392_2HC", "392_HC", True),
    ]
    assert told["truths"]["circumference_mm"]["least"] == 44.3
    assert 0.09 < told["geometry"]["spacing_mm"]["rows"]["least"] < 0.1


def test_tumours_come_with_their_folders_as_names(test_data: Path) -> None:
    data: dict[str, Any] = {"kind": "nifti", "images": "STS_*/MR_T1_image.nii.gz", "labels": "{folder}/MR_T1_mask.nii.gz"}
    data |= {"group": {"by": "pattern", "pattern": r"(STS_\d+)", "means": "person"}, "split": DRAWN | {"stratify": ""}}
    entries = list_entries(recipe_of(data, 1), test_data / "labelled" / "sarcoma")
    assert len(entries) == 40 and entries[0].group == "person sts_001"  # case makes no other person


@pytest.mark.heavy
def test_tumours_in_three_series_of_which_a_patient_may_lack_one(test_data: Path) -> None:
    recipe = read_recipe(Path("sarcoma-fusion"), "cpu")
    dataset = read_parts(recipe, test_data / "labelled" / "sarcoma")
    assert [len(dataset.names(part)) for part in ("train", "validate", "test")] == [19, 5, 16]
    assert dataset.left_out == 1, "STS_009 has no MR"
    series = {entry.name: entry.traits["series"] for entry in dataset.entries}
    assert Counter(series.values()) == {"ct+mr+pet": 29, "mr+pet": 11}
    whole, lacking = (grid_case(case, recipe) for case in dataset.named(["STS_002", "STS_007"]))
    assert whole.present.tolist() == [True, True, True] and lacking.present.tolist() == [True, True, False]
    assert not lacking.image[2].any() and whole.image.shape[1:] == whole.mask.shape
