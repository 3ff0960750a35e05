"""What is nearly the same image is found, and treated as the recipe says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from storage.base.errors import ConfigError
from training.data.checks.duplicates import Pair, find_pairs
from training.data.checks.treat import treat
from training.data.entry import Content, Entry
from training.data.survey import survey
from training.recipe import PartName
from training.recipe.data.split import Duplicates


def _image(seed: int, size: tuple[int, int] = (40, 50)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]] / np.array(size)[:, None, None]
    waves = np.random.default_rng(seed).normal(size=(4, 4))
    shapes = [np.sin((a + 1) * 3 * rows + waves[a, 0]) * np.cos((a + 1) * 3 * columns + waves[a, 1]) for a in range(4)]
    return np.asarray(100 + 20 * np.tensordot(waves[:, 2], shapes, 1), dtype=np.float32)


def _entry(name: str, image: np.ndarray, group: str = "", label: int | None = None, box: slice | None = None) -> Entry:
    mask = None
    if box is not None:
        mask = np.zeros((1, *image.shape), dtype=np.uint8)
        mask[0, box, box] = 1
    content = Content(image[None, None], np.eye(4), mask)
    return Entry(name, group or name, lambda: content, class_index=label)


def _pairs(entries: Sequence[Entry], **how: float) -> list[Pair]:
    return find_pairs(entries, survey(entries, 3, 32), Duplicates.model_validate(how))


def test_equal_and_near_images_of_any_size_are_found() -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (40, 50)).astype(np.float32)
    entries = [_entry("a", _image(1)), _entry("b", _image(2)), _entry("c", _image(1) * 3 + 7), _entry("d", _image(1, (80, 100)))]
    entries += [_entry("e", _image(2) + noise), _entry("f", _image(2)), _entry("flat", np.full((9, 9), 5, np.float32))]
    found = {(pair.first, pair.second): pair for pair in _pairs(entries)}
    assert set(found) == {("a", "c"), ("a", "d"), ("c", "d"), ("b", "e"), ("b", "f"), ("e", "f")}
    assert [pair.exact for pair in found.values()] == [key == ("b", "f") for key in found]
    assert [(pair.first, pair.second) for pair in _pairs(entries, correlation=1)] == [("b", "f")]


def test_each_of_several_equal_images_that_another_contradicts_is_known() -> None:
    """Were only the first compared with the others, b and d would stay, alike and contradicted."""
    entries = [_entry(name, _image(1), label=label) for name, label in (("a", 1), ("b", 1), ("c", 0), ("d", 1))]
    how = Duplicates.model_validate({"correlation": 1, "treat": "drop", "contradictions": "drop"})
    pairs = find_pairs(entries, survey(entries, 3, 32), how)
    against = {(pair.first, pair.second) for pair in pairs if pair.contradiction}
    assert against == {("a", "c"), ("b", "c"), ("c", "d")}
    staying, findings = treat(entries, dict.fromkeys("abcd", "train"), True, pairs, how)
    assert not staying and set(findings.dropped) == set("abcd")


def test_images_of_one_value_are_equal_but_like_nothing() -> None:
    entries = [_entry("a", np.full((9, 9), 5, np.float32)), _entry("b", np.full((9, 9), 5, np.float32)), _entry("c", _image(1))]
    assert [(pair.first, pair.second, pair.exact) for pair in _pairs(entries)] == [("a", "b", True)]


def test_more_cases_than_a_block_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.checks.duplicates._BLOCK", 3)
    entries = [_entry(f"{number:02d}", _image(number % 8)) for number in range(16)]
    assert [(pair.first, pair.second) for pair in _pairs(entries)] == [(f"{n:02d}", f"{n + 8:02d}") for n in range(8)]


def test_contradictions_by_class_and_by_mask() -> None:
    same = _image(1)
    entries = [_entry("a", same, label=1), _entry("b", same, label=2), _entry("c", same, label=1)]
    assert [pair.contradiction for pair in _pairs(entries)] == ["class", "", "class"]
    corner, middle, empty = slice(0, 8), slice(15, 30), slice(0, 0)
    entries = [
        _entry("a", same, box=corner),
        _entry("b", same, box=middle),
        _entry("c", same, box=slice(6, 12)),
        _entry("d", same, box=empty),
    ]
    found = {(pair.first, pair.second): pair.contradiction for pair in _pairs(entries)}
    assert found[("a", "b")] == "mask" and found[("a", "c")] == "" and found[("a", "d")] == "mask"


def test_images_alike_by_nature_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.checks.duplicates._MOST_PAIRS", 5)
    with pytest.raises(ConfigError, match=r"raise data\.duplicates\.correlation"):
        _pairs([_entry(str(number), _image(1)) for number in range(5)])


PARTS: dict[str, PartName] = {"a": "train", "b": "train", "c": "validate", "d": "test", "e": "test"}


def _treated(
    joined: str, parts: Mapping[str, PartName] | None = None, against: str = "", **how: str
) -> tuple[str, dict[str, str]]:
    """Which cases stay, and the groups of those; ``joined`` and ``against`` are pairs such as "ab cd"."""
    contradictory = against.split()
    pairs = [
        Pair(pair[0], pair[1], 1.0, False, "class" if pair in contradictory else "", False)
        for pair in [*joined.split(), *contradictory]
    ]
    entries = [_entry(name, _image(0)) for name in PARTS]
    staying, findings = treat(entries, parts or PARTS, parts is None, pairs, Duplicates.model_validate(how))
    assert sorted([*(entry.name for entry in staying), *findings.dropped]) == list(PARTS)
    return "".join(entry.name for entry in staying), {entry.name: entry.group for entry in staying}


def test_by_default_they_end_the_run_and_the_mend_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"2 pairs .* 1 of them in two parts: a and b .*a and d .*data\.duplicates\.treat"
    ) as told:
        _treated("ab ad")
    assert told.value.reason_code == "duplicates"
    with pytest.raises(ConfigError, match=r"contradict each other.* a and b .*data\.duplicates\.contradictions") as told:
        _treated("", against="ab", treat="drop")
    assert told.value.reason_code == "contradictions"


def test_dropped_is_the_later_name_and_never_a_test_case() -> None:
    assert _treated("ab", treat="drop")[0] == "acde"
    assert _treated("ab bc", treat="drop")[0] == "acde"  # without b neither a nor c has a duplicate
    assert _treated("ac ad", parts=PARTS, treat="drop")[0] == "bcde"  # c isn't like d: it stays
    assert _treated("ac cd", parts=PARTS, treat="drop")[0] == "abde"
    assert _treated("de", parts=PARTS, treat="drop")[0] == "abcde"


def test_of_three_equal_images_one_stays_even_where_it_is_the_last() -> None:
    entries = [_entry(name, _image(1)) for name in ("a", "b", "c")]
    parts: Mapping[str, PartName] = {"a": "train", "b": "train", "c": "validate"}
    staying, findings = treat(entries, parts, False, _pairs(entries, correlation=1), Duplicates(treat="drop", correlation=1))
    assert [entry.name for entry in staying] == ["c"] and findings.dropped.keys() == {"a", "b"}


def test_contradictory_pairs_lose_both_but_for_the_test_part() -> None:
    assert _treated("", against="ab", contradictions="drop")[0] == "cde"
    assert _treated("", against="ad", parts=PARTS, contradictions="drop")[0] == "bcde"
    assert _treated("", against="ab", contradictions="keep") == ("abcde", {"a": "a", "b": "a", "c": "c", "d": "d", "e": "e"})


def test_grouped_chains_become_one_group() -> None:
    assert _treated("bc ce", treat="group")[1] == {"a": "a", "b": "b", "c": "b", "d": "d", "e": "b"}
    with pytest.raises(ConfigError, match="puts a in train and c, nearly the same image, in validate"):
        _treated("ac", parts=PARTS, treat="group")


def test_pairs_of_one_group_are_no_fault() -> None:
    entries = [_entry("a", _image(1), "one"), _entry("b", _image(1), "one")]
    pairs = _pairs(entries)
    staying, findings = treat(entries, {"a": "train", "b": "train"}, True, pairs, Duplicates())
    assert len(staying) == 2 and findings.pairs == pairs and pairs[0].one_group
