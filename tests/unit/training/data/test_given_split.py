from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.base.errors import ConfigError
from training.data.entry import Content, Entry
from training.data.splits.given import given_parts
from training.recipe.data.split import GivenSplit

ENTRIES = [Entry(name, name, lambda: Content(np.zeros((1, 1, 1, 1), np.float32), np.eye(4))) for name in "abc"]


def _parts(folder: Path, document: Any) -> dict[str, str]:
    (folder / "split.json").write_text(json.dumps(document))
    return dict(given_parts(ENTRIES, GivenSplit(kind="given", file="split.json"), folder))


def test_a_file_gives_the_parts(tmp_path: Path) -> None:
    assert _parts(tmp_path, {"train": ["a"], "validate": ["c"], "test": []}) == {"a": "train", "c": "validate"}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ([], "data-invalid"),
        ({"train": ["a"], "validate": ["b"]}, "data-invalid"),
        ({"train": [["a"]], "validate": ["b"], "test": ["c"]}, "data-invalid"),
        ({"train": [1], "validate": ["b"], "test": ["c"]}, "data-invalid"),
        ({"train": ["a", "a"], "validate": ["b"], "test": ["c"]}, "leaking-split"),
        ({"train": ["a"], "validate": ["b"], "test": ["a"]}, "leaking-split"),
        ({"train": ["a"], "validate": ["B"], "test": ["c"]}, "data-missing"),
    ],
)
def test_what_is_no_split_of_these_cases_is_refused(tmp_path: Path, document: Any, code: str) -> None:
    with pytest.raises(ConfigError, match=r"split\.json") as caught:
        _parts(tmp_path, document)
    assert caught.value.reason_code == code
