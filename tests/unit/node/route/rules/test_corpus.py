"""Conditions that a hospital writes, and mistakes that it makes: the contract with the expression language."""

from __future__ import annotations

import pytest

from node.route.rules.compile import CompiledRule, compile_rules
from node.route.rules.document import RulesError
from node.route.rules.judge import judge
from node.route.rules.values import SeriesFacts, series_values
from tests.unit.node.route.rules.headers import BRAIN_MR, LUNG_CT

GOOD = {
    "lung": (
        'Modality == "CT" && "ORIGINAL" in ImageType && BodyPartExamined in ["CHEST", "LUNG"] && SliceThickness <= 2.5'
        " && instances >= 60",
        (True, False),
    ),
    "screening": ('StudyDescription.matches("(?i)low[ -]?dose|screening") && age_years(PatientAge) >= 50', (True, False)),
    "brain": (
        'Modality == "MR" && SeriesDescription.matches("(?i)mprage|t1") && !("DERIVED" in ImageType)',
        (False, True),
    ),
    "kernel": ('ConvolutionKernel.exists(k, k.startsWith("B3")) && PixelSpacing.all(p, p < 1.0)', (True, False)),
    "night": (
        'calling.startsWith("CT_") && (hour_of(AcquisitionTime) < 7 || hour_of(AcquisitionTime) >= 19)',
        (True, False),
    ),
    "exclusions": (
        '!("LOCALIZER" in ImageType) && Manufacturer != "" && !(Modality in ["SR", "SEG", "PR", "KO"])',
        (True, True),
    ),
}

BAD = {
    'SliceThickness < "2"': (16, "found no matching overload for '_<_' applied to '(double, string)'"),
    'Modalty == "CT"': (1, "undeclared reference to 'Modalty'; did you mean Modality?"),
    'ImageType == "ORIGINAL"': (11, "applied to '(list(string), string)'; the attribute holds a list"),
    '"A" in Modality': (5, "applied to '(string, string)'; the attribute holds one text"),
    'Modality = "CT"': (10, "write == to compare"),
    'Modality == "CT" &&': (20, "Syntax error"),
    "Modality": (1, "yields a string, not true or false"),
    'SeriesDescription.matches("(")': (27, "is no regular expression"),
}

HUNDRED = str(list(range(100)))
ENDLESS = f"{HUNDRED}.all(a, {HUNDRED}.all(b, {HUNDRED}.all(c, {HUNDRED}.all(d, a >= 0))))"


def rule(condition: str) -> CompiledRule:
    escaped = condition.replace("'", "''")
    text = f"rules:\n  - name: one\n    when: '{escaped}'\n    model: m\n    deliver_to: [pacs]\n"
    return compile_rules(text, "rules.yaml").rules[0]


@pytest.mark.parametrize("name", GOOD)
def test_good_rules_judge_as_written(name: str) -> None:
    condition, expected = GOOD[name]
    compiled = rule(condition)
    ct = series_values([LUNG_CT] * 60, SeriesFacts(calling="CT_1"), compiled.names)
    mr = series_values([BRAIN_MR] * 60, SeriesFacts(calling="MR_1"), compiled.names)
    assert (judge(compiled.when, ct).matched, judge(compiled.when, mr).matched) == expected


@pytest.mark.parametrize("condition", BAD)
def test_bad_rules_are_refused_with_their_place(condition: str) -> None:
    column, message = BAD[condition]
    with pytest.raises(RulesError) as refused:
        rule(condition)
    problem = refused.value.problems[0]
    # Line 3 of the file; the condition begins after `    when: '`.
    assert (problem.line, problem.column, problem.rule, problem.key) == (3, 11 + column, "one", "when")
    assert message in problem.text
    assert str(problem).startswith(f"rules.yaml:3:{11 + column}: rule one: when: ")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("PixelData == 1", "PixelData is a sequence or binary"),
        ("SliceThickness * 2 > 1", "write the whole number with a decimal point, 2.0"),
        ('ImageType.contains("A")', "the attribute holds a list; write ATTRIBUTE.exists"),
        ('SeriesDescription.matches(Modality + "(")', "makes a text that is no regular expression"),
        ("1 in ImageType", "'(int, list(string))'"),
        ("dyn(Modality)", "yields a dyn, not true or false"),
        ('Modality == "CT" || matches(SeriesDescription, "*")', '"*" is no regular expression'),
        ("true ? 1 : 2", "yields a int"),
        (ENDLESS, "takes more steps than are allowed"),
    ],
)
def test_other_mistakes(condition: str, message: str) -> None:
    with pytest.raises(RulesError, match=r"^rules\.yaml:3:\d+: rule one: when: ") as refused:
        rule(condition)
    assert message in refused.value.problems[0].text


def test_all_problems_are_told() -> None:
    text = "rules:\n- {name: a, when: X == 1, model: m, deliver_to: []}\n- {name: b, when: Modality, model: m, deliver_to: []}\n"
    with pytest.raises(RulesError, match="1 more") as refused:
        compile_rules(text, "r")
    assert [(p.rule, p.line, p.column) for p in refused.value.problems] == [("a", 2, 19), ("b", 3, 19)]
