"""The functions of our own."""

from __future__ import annotations

import pytest

from node.route.rules.functions import age_years, hour_of


@pytest.mark.parametrize(("age", "years"), [("045Y", 45.0), ("018M", 1.5), ("052W", 0.9966), ("003D", 0.0082), ("45Y ", 45.0)])
def test_ages(age: str, years: float) -> None:
    assert age_years(age) == pytest.approx(years, abs=1e-4)


@pytest.mark.parametrize("age", ["", "45", "Y", "-45Y", "0045Y", "045y"])
def test_what_is_no_age(age: str) -> None:
    with pytest.raises(ValueError, match="no age string"):
        age_years(age)


@pytest.mark.parametrize(("time", "hour"), [("07", 7), ("0715", 7), ("235959", 23), ("000000.123456", 0), ("120000.5 ", 12)])
def test_hours(time: str, hour: int) -> None:
    assert hour_of(time) == hour


@pytest.mark.parametrize("time", ["", "7", "24", "12:30", "126000", "20260101120000"])
def test_what_is_no_time(time: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        hour_of(time)
