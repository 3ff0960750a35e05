"""Names, literals and joined parts of a condition."""

from __future__ import annotations

import pytest

from node.route.rules.tokens import conjuncts, names, patterns, plain, tokens


def test_names_leave_out_members_strings_and_comments() -> None:
    condition = "Modality == \"Rows\" && ImageType.exists(k, k.startsWith('Columns')) // KVP\n && size(PixelSpacing) == 2"
    assert names(condition) == ["Modality", "ImageType", "k", "size", "PixelSpacing"]


@pytest.mark.parametrize("literal", [r'"a\"b"', r"'a\'b'", '"""a"b\n"c"""', "'''a'b'''", r'r"a\"', 'R"a"', 'b"a"', 'br"a"'])
def test_strings_are_one_token(literal: str) -> None:
    cut = tokens(f"{literal} == Modality")
    assert [(token.kind, token.text) for token in cut] == [("string", literal), ("sign", "=="), ("name", "Modality")]


@pytest.mark.parametrize("number", ["1", "1.5", ".5", "1e9", "1.5E-3", "0x1F", "7u"])
def test_numbers_are_one_token(number: str) -> None:
    assert [token.text for token in tokens(f"KVP<{number}")] == ["KVP", "<", number]


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("a && b", ["a", "b"]),
        ("(a || b) && c[d && e] && {f: g && h}.i", ["(a || b)", "c[d && e]", "{f: g && h}.i"]),
        ("a && b || c", ["a && b || c"]),
        ("a && b ? c : d", ["a && b ? c : d"]),
        ('"&&" == a', ['"&&" == a']),
        ("a", ["a"]),
    ],
)
def test_conjuncts(condition: str, parts: list[str]) -> None:
    assert [part.strip() for part in conjuncts(condition)] == parts


def test_a_reason_quotes_one_line() -> None:
    assert plain('a  ==\n\t"x  y" // why\n') == 'a == "x  y"'


def test_patterns_are_the_last_argument_of_matches() -> None:
    condition = (
        'a.matches("1") && matches(b, r"2") && c.matches("x" + "y") && matches("no", d) && e.contains("z") && f.matches ( \'3\' )'
    )
    assert [token.text for token in patterns(condition)] == ['"1"', 'r"2"', "'3'"]
