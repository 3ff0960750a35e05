"""A complaint points into the file, in whatever style the condition is written."""

from __future__ import annotations

import pytest

from node.route.rules.compile import compile_rules
from node.route.rules.document import RulesError

HEAD = "# rules of the house: ä ö\nrules:\n  - name: one\n    model: m\n    deliver_to: [pacs]\n"

STYLES = {
    "plain": '    when: Modality == "CT" && WRONG == 1\n',
    "plain, spaced": '    when:     Modality == "CT"   &&  WRONG == 1   # why\n',
    "plain, folded": '    when: Modality == "CT" &&\n      true &&\n\n      WRONG == 1\n',
    "single quoted": "    when: 'Modality == \"CT\" && SeriesDescription != \"it''s\" && WRONG == 1'\n",
    "single quoted, folded": "    when: 'Modality == \"CT\" &&\n\n        WRONG == 1'\n",
    "double quoted": '    when: "Modality == \\"CT\\" && Manufacturer != \\"\\u00e9\\x41\\\\t\\" && WRONG == 1"\n',
    "double quoted, folded": '    when: "Modality == \\"CT\\" \\\n         && true\n         && WRONG == 1"\n',
    "literal": '    when: |\n      Modality == "CT" &&\n        // ours\n        WRONG == 1\n',
    "literal, stripped": '    when: |-\n      Modality == "CT" && WRONG == 1\n',
    "literal, indented": '    when: |2 # two\n        Modality == "CT" &&\n       WRONG == 1\n',
    "folded": '    when: >\n      Modality == "CT" &&\n      true &&\n\n      WRONG == 1\n',
    "folded, kept": '    when: >+\n      Modality == "CT" &&\n          WRONG == 1 &&\n      true\n\n',
    "flow": '    "when" : "WRONG == 1"\n',
    "wide text": '    when: Manufacturer != "日本😀é" && WRONG == 1\n',
    "windows": '    when: |\r\n      Modality == "CT" &&\r\n      WRONG == 1\r\n',
}


@pytest.mark.parametrize("style", STYLES)
def test_line_and_column_are_those_of_the_file(style: str) -> None:
    text = (HEAD + STYLES[style]).replace("\r\n", "\n")
    line = next(n for n, content in enumerate(text.splitlines(), 1) if "WRONG" in content)
    column = text.splitlines()[line - 1].index("WRONG") + 1
    with pytest.raises(RulesError) as refused:
        compile_rules(text, "rules.yaml")
    assert [(p.line, p.column) for p in refused.value.problems] == [(line, column)]


def test_an_error_at_the_end_points_behind_the_last_character() -> None:
    text = HEAD + '    when: Modality == "CT" &&\n    priority: 1\n'
    with pytest.raises(RulesError) as refused:
        compile_rules(text, "rules.yaml")
    assert (refused.value.problems[0].line, refused.value.problems[0].column) == (6, len('    when: Modality == "CT" &&') + 1)


def test_a_condition_from_an_alias_or_a_merge_is_still_placed() -> None:
    text = "rules:\n  - &base {name: one, when: WRONG == 1, model: m, deliver_to: []}\n  - <<: *base\n    name: two\n"
    with pytest.raises(RulesError) as refused:
        compile_rules(text, "rules.yaml")
    assert [(p.rule, p.line) for p in refused.value.problems] == [("one", 2), ("two", 3)]
