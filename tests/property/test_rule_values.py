"""Values of a Series don't depend on the order of its Instances, and comparisons agree with arithmetic."""

from __future__ import annotations

import operator
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from node.route.rules.language import Program, compile_condition
from node.route.rules.values import SeriesFacts, series_values

NAMES = ["Modality", "ImageType", "SliceThickness", "PixelSpacing", "Rows", "present", "instances"]
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "00080060": st.sampled_from([["CT"], ["MR"], [], [None]]),
    "00080008": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "AXIAL"]), max_size=3),
    "00180050": st.sampled_from([[1], [1.0], ["1.0"], [2.5], ["x"], []]),
    "00280030": st.lists(st.sampled_from([0.5, 1]), max_size=2),
    "00280010": st.sampled_from([[512], [256], [2.5], []]),
}
HEADERS = st.lists(
    st.fixed_dictionaries({}, optional={tag: values.map(lambda v: {"vr": "XX", "Value": v}) for tag, values in ELEMENTS.items()}),
    max_size=6,
)
OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}


@settings(deadline=None)
@given(HEADERS, st.randoms(use_true_random=False))
def test_order_of_instances_does_not_matter(headers: list[dict[str, Any]], chance: random.Random) -> None:
    shuffled = chance.sample(headers, len(headers))
    one, other = (series_values(some, SeriesFacts(), NAMES) for some in (headers, shuffled))
    assert one.states == other.states
    assert _unordered(one.values) == _unordered(other.values)


@settings(deadline=None)
@given(HEADERS)
def test_only_numbers_may_have_no_value(headers: list[dict[str, Any]]) -> None:
    found = series_values(headers, SeriesFacts(), NAMES)
    assert set(found.states) == set(NAMES)
    assert {name for name in NAMES if name not in found.values} <= {"SliceThickness", "Rows"}
    assert all(found.states[name] != "value" for name in NAMES if name not in found.values)


@settings(deadline=None)
@given(
    st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9).map(float), st.integers(-(10**9), 10**9), st.sampled_from(list(OPERATORS))
)
def test_whole_literals_compare_as_numbers_do(value: float, literal: int, sign: str) -> None:
    for condition, expected in (
        (f"SliceThickness {sign} {literal}", OPERATORS[sign](value, literal)),
        (f"{literal} {sign} SliceThickness", OPERATORS[sign](literal, value)),
        (f"SliceThickness in [{literal}]", value == literal),
        (f"{literal} in PixelSpacing", value == literal),
    ):
        program = compile_condition(condition)
        assert isinstance(program, Program)
        assert program.evaluate({"SliceThickness": value, "PixelSpacing": [value]}) is expected


def _unordered(values: dict[str, Any]) -> dict[str, Any]:
    return {name: sorted(set(map(str, value))) if isinstance(value, list) else value for name, value in values.items()}
