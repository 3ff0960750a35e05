"""Whatever JSON value an argument has, a network is built or the argument is named."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.networks import build, minimum_multiple
from inference.networks.registry import _class
from storage.base.errors import ModelError
from tests.unit.inference.networks.examples import NAMES, SCALED, arguments

SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 80) | st.floats(allow_nan=True) | st.sampled_from(["batch", "small", "", "50"])
)
VALUES = SCALARS | st.lists(SCALARS, max_size=5) | st.dictionaries(st.just("a"), SCALARS, max_size=1)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "swin-unetr"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_wrong_argument_is_named(name: str, data: st.DataObject) -> None:
    keys = list(inspect.signature(_class(name).__init__).parameters)[1:]
    key = data.draw(st.sampled_from([*keys, "no_such"]))
    value = json.loads(json.dumps(data.draw(VALUES)))
    wrong: dict[str, Any] = {**arguments(name, 2), key: value}
    try:
        with torch.device("meta"):
            build(name, wrong)
    except ModelError as error:
        assert key in str(error) and error.reason_code == "network-invalid" and "correct network.arguments" in str(error)
    else:
        assert key != "no_such"


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(SCALED),
    levels=st.integers(2, 4),
    spare=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    off=st.integers(0, 7),
)
def test_sizes_fit_exactly_when_they_are_multiples(name: str, levels: int, spare: tuple[int, int], off: int) -> None:
    given = arguments(name, 2, channels=[2] * levels)
    multiple = minimum_multiple(name, given)
    image = torch.zeros((1, 1, spare[0] * multiple, spare[1] * multiple + off))
    network = build(name, given).eval()
    if off % multiple:
        with pytest.raises(ModelError, match=f"multiple of {multiple}"):
            network(image)
    else:
        assert network(image).shape == (1, 3, *image.shape[2:])
