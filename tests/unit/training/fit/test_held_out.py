from __future__ import annotations

from tests.unit.training.fit.task import cases
from training.fit.held_out import chosen


def test_a_bounded_choice_is_always_the_same_and_in_order() -> None:
    many = cases(20)
    some = chosen(many, 6, seed=1)
    assert [case.name for case in some] == [case.name for case in chosen(many, 6, seed=1)]
    assert [many.index(case) for case in some] == sorted(many.index(case) for case in some) and len(some) == 6
    assert chosen(many, 20, seed=1) == many
    assert [case.name for case in chosen(many, 6, seed=2)] != [case.name for case in some]
