"""A recipe without a key that it needs: the error names the key and says what to write."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from inference.manifest import Manifest
from storage.base.errors import ConfigError
from tests.unit.training.recipe.test_odd_values import Key, keys_of
from training.recipe.checks.missing import missing
from training.recipe.comparison import Comparison
from training.recipe.read import read_document, recipe_from
from training.recipe.schema import Recipe

FILLED_IN = {"package.network.weights_sha256", "package.network.more_weights.weights", "package.network.more_weights.sha256"}
OPTIONAL = {"package.network.arguments"}  # auto where a recipe says nothing


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _needed(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Dotted keys that the schema requires, as an author writes them."""
    for name, field in model.model_fields.items():
        key = above + (field.alias or name)
        if field.is_required():
            yield key
        for below in _models(field.annotation):
            yield from _needed(below, f"{key}.")


def test_each_key_that_a_schema_requires_has_its_mend() -> None:
    keys = {*_needed(Recipe), *_needed(Manifest, "package."), *_needed(Comparison)} - FILLED_IN - OPTIONAL
    assert len(keys) > 60
    assert [key for key in sorted(keys) if missing(key).rpartition("; ")[2].startswith("write it")] == []


def _without(document: dict[str, Any], key: Key) -> dict[str, Any]:
    left: Any = deepcopy(document)
    node = left
    for part in key[:-1]:
        node = node[part]
    del node[key[-1]]
    return dict(left)


@pytest.mark.parametrize("name", ["hippocampus-mr", "pneumonia-xr", "fetal-head-us", "phantom-chest-xr"])
def test_a_key_that_was_left_out_is_named_with_what_to_write(name: str) -> None:
    document, refused = read_document(Path(name)), 0
    for key in (key for key in keys_of(document) if isinstance(key[-1], str)):
        try:
            recipe_from(_without(document, key), Path("recipe.yaml"))
        except ConfigError as error:
            refused += 1
            assert str(key[-1]) in error.message, (key, error.message)
            assert "Field required" not in error.message and "; " in error.message, error.message
    assert refused > 30


def test_the_licence_of_the_weights_is_asked_for_with_a_reason() -> None:
    document = _without(read_document(Path("hippocampus-mr")), ("package", "weights_licence"))
    with pytest.raises(ConfigError, match=r"package\.weights_licence: is missing; state the terms .* training data's licence"):
        recipe_from(document, Path("recipe.yaml"))


def test_a_kind_that_is_none_is_named_by_its_own_key() -> None:
    document = read_document(Path("hippocampus-mr"))
    document["data"] = {**document["data"], "kind": "folder"}
    with pytest.raises(ConfigError, match=r"recipe\.yaml: data\.kind: 'folder' is none of 'nifti', 'nnunet'"):
        recipe_from(document, Path("recipe.yaml"))
