"""Whatever stands at a key of a recipe: it is taken, or the error is one of ours."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from storage.base.errors import ConfigError
from training.recipe.read import read_document, read_yaml, recipe_from

ODD: list[Any] = [float("nan"), -1, 10**9, "", "auto", None, [], {}, True, ["a"], [[1]], {"a": 1}]
Key = tuple[str | int, ...]


def keys_of(node: Any, above: Key = ()) -> Iterator[Key]:
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in below:
        yield (*above, key)
        yield from keys_of(value, (*above, key))


def changed(document: dict[str, Any], key: Key, value: Any) -> dict[str, Any]:
    new: Any = deepcopy(document)
    node = new
    for part in key[:-1]:
        node = node[part]
    node[key[-1]] = value
    return dict(new)


@pytest.mark.parametrize("name", ["hippocampus-mr", "pneumonia-xr"])
def test_an_odd_value_anywhere_is_taken_or_named(name: str) -> None:
    document = read_document(Path(name))
    refused = 0
    for key in keys_of(document):
        for value in ODD:
            try:
                recipe_from(changed(document, key, value), Path("recipe.yaml"))
            except ConfigError as error:
                refused += 1
                assert error.reason_code == "recipe-invalid" and error.message.startswith("recipe.yaml: ")
    assert refused > 500


@pytest.mark.parametrize(
    "key", [("fit", "learning_rate"), ("fit", "weight_decay"), ("augment", "gamma", 1), ("augment", "noise")], ids=str
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_by_its_key(key: Key, value: float) -> None:
    named = r"\.".join(map(str, key))
    with pytest.raises(ConfigError, match=rf"{named}: .*finite"):
        recipe_from(changed(read_document(Path("pneumonia-xr")), key, value), Path("recipe.yaml"))


def test_a_key_that_stands_twice_is_refused_and_a_merged_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("base: &base {steps: 1, batch: 2}\nfit: {<<: *base, steps: 3}\n")
    assert read_yaml(path)["fit"] == {"steps": 3, "batch": 2}
    path.write_text("a: &a {x: 1}\ndeep: {b: &b {<<: *a, x: 2}}\nc: {<<: *b}\n")
    assert read_yaml(path)["c"] == {"x": 2}
    path.write_text("fit: {steps: 1}\nseed: 1\nfit: {steps: 2}\n")
    with pytest.raises(ConfigError, match=r"the key 'fit' stands here twice"):
        read_yaml(path)
    path.write_text("fit: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ConfigError, match="no valid YAML"):
        read_yaml(path)
