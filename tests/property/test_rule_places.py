"""Whatever style YAML writes a condition in, an offset into it leads back to the character in the file."""

from __future__ import annotations

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.route.rules.positions import offset_of, place

# Marks are letters that occur once, so that the file says where each must be found.
MARKS = "ABCDEFGHJKMNPQRSTUVW"
BLANKS = st.sampled_from([" ", "  ", "\n", " \n  ", "\n\n"])
SIGNS = st.sampled_from(["", "'", '"', "\\", "&&", "#", "é", "日", "😀", "//", "''", '""', ":", "%"])


@st.composite
def conditions(draw: st.DrawFn) -> str:
    marks = MARKS[: draw(st.integers(1, len(MARKS)))]
    return (
        draw(SIGNS) + "".join(mark + draw(SIGNS) + draw(st.one_of(st.just(""), BLANKS)) + draw(SIGNS) for mark in marks).rstrip()
    )


@settings(deadline=None, max_examples=60)
@given(conditions(), st.sampled_from([None, "'", '"', "|", ">"]), st.sampled_from([20, 60, 1000]), st.booleans())
@example("A\n  B", "|", 60, True)
@example("ABCDEFGHJKMN Pé", '"', 20, False)
@example("A\x85B\u2028C\xa0D\tE", '"', 20, False)
@example("A'B''C", "'", 20, False)
def test_places(condition: str, style: str | None, width: int, unicode: bool) -> None:
    text = "# before\n" + yaml.dump({"rules": [{"when": condition}]}, default_style=style, width=width, allow_unicode=unicode)
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    node = root.value[0][1].value[0].value[0][1]
    assert node.value == condition
    lines = text.split("\n")
    for offset, character in enumerate(condition):
        if character in MARKS:
            line, column = place(node, text, offset)
            assert lines[line - 1][column - 1] == character


@settings(deadline=None)
@given(st.text(alphabet="ab\n", max_size=30), st.data())
def test_offsets(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    assert offset_of(text, line, column) == offset
