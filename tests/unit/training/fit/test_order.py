from __future__ import annotations

from collections import Counter

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.fit.task import cases
from training.data import GridCase
from training.fit.order import CaseOrder, case_order, seeded


def test_generators_depend_on_their_parts_alone() -> None:
    assert torch.equal(torch.rand(3, generator=seeded(1, 2)), torch.rand(3, generator=seeded(1, 2)))
    assert not torch.equal(torch.rand(3, generator=seeded(1, 2)), torch.rand(3, generator=seeded(1, 3)))
    assert not torch.equal(torch.rand(3, generator=seeded(1, 23)), torch.rand(3, generator=seeded(12, 3)))


@given(seed=st.integers(0, 2**31), count=st.integers(2, 40), epoch=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_every_epoch_takes_every_case_once(seed: int, count: int, epoch: int) -> None:
    order = CaseOrder(seed, [cases(1)[0]] * count, balance=False)
    taken = [order[slot] for slot in range(epoch * count, (epoch + 1) * count)]
    assert sorted(taken) == list(range(count)) and taken == case_order(seed, epoch, count)


def test_epochs_have_their_own_orders() -> None:
    assert case_order(1, 0, 9) != case_order(1, 1, 9) != case_order(2, 1, 9)


def test_balanced_classes_take_turns_and_no_case_waits_longer_than_its_class_is_large() -> None:
    images = [GridCase(f"{index}", torch.zeros(1, 4, 4), None, 1 if index < 2 else 0) for index in range(10)]
    order = CaseOrder(3, images, balance=True)
    taken = [order[slot] for slot in range(16)]
    assert [images[index].class_index for index in taken] == [0, 1] * 8
    assert Counter(taken) == {0: 4, 1: 4, **dict.fromkeys(range(2, 10), 1)}


def test_masks_without_classes_are_balanced_by_the_labels_in_them() -> None:
    empty = torch.zeros(4, 4, dtype=torch.uint8)
    masks = [empty, empty, empty, empty.clone().fill_(2)]
    order = CaseOrder(3, [GridCase(f"{index}", torch.zeros(1, 4, 4), mask) for index, mask in enumerate(masks)], balance=True)
    assert [order[slot] == 3 for slot in range(6)] == [False, True] * 3
