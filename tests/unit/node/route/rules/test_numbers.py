"""Whole numbers compare with decimal attributes; nothing else of the language has changed by it."""

from __future__ import annotations

import pytest

from node.route.rules.language import CompileError, EvaluationError, Program, compile_condition

VALUES = {"SliceThickness": 2.0, "PixelSpacing": [0.5, 1.0], "Rows": 512, "EchoNumbers": [1, 2], "Modality": "CT"}


def outcome(condition: str) -> bool | EvaluationError:
    program = compile_condition(condition)
    assert isinstance(program, Program), program
    return program.evaluate(VALUES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("SliceThickness <= 2", True),
        ("SliceThickness < 2", False),
        ("SliceThickness == 2", True),
        ("SliceThickness != 2", False),
        ("2 >= SliceThickness", True),
        ("-1 < SliceThickness", True),
        ("SliceThickness in [1, 2]", True),
        ("SliceThickness in [1, 2.5]", False),
        ("1 in PixelSpacing", True),
        ("3 in PixelSpacing", False),
        ("PixelSpacing == [1, 1]", False),
        ("PixelSpacing != [1, 1]", True),
        ("PixelSpacing.all(p, p <= 1)", True),
        ("PixelSpacing[1] == 1", True),
        ("PixelSpacing.exists_one(p, p > 0 && p < 1)", True),
        ("Rows > 511.5", True),
        ("Rows > SliceThickness", True),
        ("Rows == 512.0", True),
        ("Rows in [512.0]", True),
        ("1.0 in EchoNumbers", True),
        ("EchoNumbers == [1.0, 2.0]", True),
        ("SliceThickness > 9007199254740993", False),
        ("Modality in ['CT', 'MR']", True),
        ("{'CT': 1}[Modality] == 1", True),
        ("Modality in {'CT': 1}", True),
        ("timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z')", True),
        ("duration('60s') == duration('1m')", True),
        ("b'a' < b'b' && 1u < 2u && false < true", True),
    ],
)
def test_comparisons(condition: str, expected: bool) -> None:
    assert outcome(condition) is expected


@pytest.mark.parametrize(
    "condition",
    ['SliceThickness < "2"', "SliceThickness == Modality", '"a" in PixelSpacing', "Modality < 2", "PixelSpacing < 2", "1 == '1'"],
)
def test_what_does_not_compare_is_still_refused(condition: str) -> None:
    errors = compile_condition(condition)
    assert isinstance(errors, list) and isinstance(errors[0], CompileError)


@pytest.mark.parametrize("condition", ["x" * 200_000, "(" * 500 + "1" + ")" * 500, "true" + " && true" * 20_000])
def test_absurd_conditions_end(condition: str) -> None:
    """No crash and no endless run; whether the parser takes them is its business."""
    compile_condition(condition)


def test_runaway_comprehensions_are_stopped() -> None:
    numbers = str(list(range(100)))
    condition = f"{numbers}.all(a, {numbers}.all(b, {numbers}.all(c, {numbers}.all(d, a >= 0))))"
    assert outcome(condition) == EvaluationError("endless")
