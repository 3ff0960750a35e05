"""What sections must agree on, and how a fault is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.base.errors import ConfigError
from tests.unit.training.small import spots_document
from tests.unit.training.tiny import tiny_document
from training.recipe.comparison import read_comparison, variant_recipes
from training.recipe.read import overlaid, read_recipe, recipe_from

HERE = Path("recipe.yaml")


def _with(document: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    *way, last = key.split(".")
    part = document
    for name in way:
        part = part.setdefault(name, {})
    part[last] = value
    return document


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("fit.stepz", 3, r"recipe\.yaml: fit\.stepz: no such key; steps is meant\?; correct it"),
        ("data.spit", {}, r"data\.spit: no such key; split is meant\?"),
        ("fit.patch", [8, 8], r"fit\.patch: needs one number per spatial dimension of package\.inputs \(3\), not 2"),
        ("augment.mirror_axes", [3], r"augment\.mirror_axes"),
        ("package.postprocess", {"mirror_axes": [0, 0]}, r"package\.postprocess\.mirror_axes: needs different axes"),
        ("package.network.arguments.spatial_dims", 2, r"arguments\.spatial_dims: is 2; package\.inputs needs 3"),
        ("package.network.arguments.out_channels", 3, r"arguments\.out_channels: is 3; the labels and the background needs 10"),
        ("package.network.arguments.in_channels", 3, r"arguments\.in_channels: is 3; a grey image needs 1"),
        ("package.grid.spacing_mm", [1.0, -1.0, 1.0], r"package\.grid\.spacing_mm: needs one positive number"),
        ("package.task", "tracking", r"package\.task: Input should be 'segmentation', .* or 'multitask'"),
        ("package.labels", [{"value": 1}], r"package\.labels\.0\.name: is missing; write the name by which"),
        ("package.weights_licence", " ", r"package\.weights_licence: is blank"),
        ("loss.class_weights", [1, 2], r"loss\.class_weights: needs 10 numbers"),
        ("floor", {"Liver": 90}, r"floor\.Liver: must lie from 0 to 1"),
        ("augment.hue_deg", 20, r"augment\.hue_deg: changes colours, and the network is given grey images"),
        ("ensemble.folds", 1, r"ensemble\.folds: one fold holds nothing back"),
        ("ensemble", {"folds": 3, "combine": "weights"}, r"equal start; set transfer"),
        ("budget", {"seconds": 60}, r"recipe\.yaml: budget\.seconds: has no say where fit\.steps is a number \(4\); remove it"),
        ("fit.schedule", {}, r"fit\.schedule\.warmup_steps: is 100, and the run ends after 4 steps .*; write 0"),
        ("fit.schedule", {"warmup_steps": 4}, r"fit\.schedule\.warmup_steps: is 4, and the run ends after 4 steps"),
    ],
)
def test_sections_that_disagree_are_named(key: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recipe_from(_with(tiny_document(), key, value), HERE)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("loss", {"kind": "dice"}, r"loss\.kind: dice compares masks; a classification takes"),
        ("fit.deep_supervision", True, r"fit\.deep_supervision: needs masks"),
        ("package.classification", {"thresholds": [0.5, 0.5]}, r"package\.classification\.thresholds: needs one per label \(1\)"),
        ("package.classification", {"thresholds": [1.5]}, r"package\.classification\.thresholds\.0: Input should be less than 1"),
    ],
)
def test_a_classification_is_asked_for_no_masks(key: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        recipe_from(_with(spots_document(), key, value), HERE)


def test_a_classification_takes_cross_entropy_and_halves_by_default() -> None:
    recipe = recipe_from(spots_document(), HERE)
    assert recipe.loss.kind == "cross_entropy"
    stated = recipe.manifest().classification
    assert stated is not None and stated.temperature == 1.0 and stated.thresholds == (0.5,)


def test_profiles_are_laid_over_and_another_kind_replaces() -> None:
    assert overlaid({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"c": 4}}) == {"a": {"b": 1, "c": 4}, "d": 3}
    split = {"split": {"kind": "ranges", "train": [1, 2]}}
    assert overlaid(split, {"split": {"kind": "given"}}) == {"split": {"kind": "given"}}


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("format: 2\nprofiles: {cpu: {seed: 1}, full: {seed: 2}}\n")
    with pytest.raises(ConfigError, match="no profile 'gpu'; it has: cpu, full"):
        read_recipe(path, "gpu")
    path.write_text("format: 2\nprofiles: [cpu]\n")
    with pytest.raises(ConfigError, match="profiles: needs names with values below them"):
        read_recipe(path)


def test_shipped_recipes_go_by_their_name() -> None:
    assert read_recipe(Path("hippocampus-mr")).name == "hippocampus-mr"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("base: hippocampus-mr\nvariants: {a: {}}\n", r"variants: Dictionary should have at least 2 items"),
        ("base: hippocampus-mr\nagainst: c\nvariants: {a: {}, b: {}}\n", r"against: 'c' is none of variants; it has a, b"),
        ("base: hippocampus-mr\nvariants: {a: {}, ../b: {}}\n", r"variants: '\.\./b' names a folder"),
        ("base: hippocampus-mr\nseeds: [1, 1]\nvariants: {a: {}, b: {}}\n", r"seeds: needs different numbers"),
        ("base: hippocampus-mr\nvariants: {a: {}, b: {fit: {lr: 1}}}\n", r"variants\.b: fit\.lr: no such key"),
        ("base: none\nvariants: {a: {}, b: {}}\n", r"none: can't be read"),
    ],
)
def test_a_comparison_that_cannot_be_run_is_told_before_the_first_run(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "compare.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        variant_recipes(read_comparison(path), path)


def test_variants_are_the_base_with_their_changes_for_every_seed(tmp_path: Path) -> None:
    path = tmp_path / "compare.yaml"
    path.write_text("base: hippocampus-mr\nseeds: [1, 2]\nvariants: {base: {}, still: {augment: {rotate_deg: 0}}}\n")
    found = variant_recipes(read_comparison(path), path)
    assert [recipe.seed for recipe in found["still"]] == [1, 2]
    assert [recipe.augment.rotate_deg for recipe in found["still"]] == [0, 0] and found["base"][0].augment.rotate_deg == 15
