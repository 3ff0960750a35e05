from __future__ import annotations

import numpy as np
import pytest

from training.evaluate.figures.agreement import agreement
from training.evaluate.figures.bootstrap import Resampler
from training.evaluate.figures.strata import size_bands, subgroups


def _names(count: int) -> list[str]:
    return [str(number) for number in range(count)]


def test_the_interval_of_a_mean_is_that_of_theory() -> None:
    values = np.random.default_rng(0).normal(10.0, 2.0, 400)
    figure = Resampler(_names(400)).mean(values)
    error = float(values.std() / np.sqrt(400))
    assert figure.value == pytest.approx(values.mean())
    assert figure.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error * 2)
    assert figure.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error * 2)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(3)
    figures = [Resampler(_names(60), resamples=300, seed=n).mean(random.exponential(1.0, 60)) for n in range(150)]
    held = [figure.low <= 1.0 <= figure.high for figure in figures if figure.low is not None and figure.high is not None]
    assert 0.86 <= np.mean(held) <= 0.98  # of a skew distribution a percentile interval falls a little short of 0.95


def test_cases_of_one_person_count_together() -> None:
    """Each person's four cases are equal, so the interval must be that of the persons, twice as wide as that of the cases."""
    persons = np.random.default_rng(5).normal(size=50)
    values, groups = np.repeat(persons, 4), [str(number // 4) for number in range(200)]
    together, apart = Resampler(groups).mean(values), Resampler(_names(200)).mean(values)
    assert together.low is not None and together.high is not None and apart.low is not None and apart.high is not None
    assert (together.groups, together.cases) == (50, 200)
    assert (together.high - together.low) / (apart.high - apart.low) == pytest.approx(2.0, rel=0.15)


def test_mean_and_statistic_are_one_and_the_same() -> None:
    values = np.random.default_rng(7).normal(size=30)
    groups = [str(number // 3) for number in range(30)]
    quick = Resampler(groups, seed=4).mean(values)
    slow = Resampler(groups, seed=4).figure(lambda i: float(values[i].mean()))
    assert (quick.low, quick.high) == pytest.approx((slow.low, slow.high))
    assert Resampler(groups, seed=4).mean(values) == quick != Resampler(groups, seed=5).mean(values)


def test_a_paired_difference_is_narrower_than_the_two_apart() -> None:
    random = np.random.default_rng(9)
    hard = random.normal(size=100)
    ours, theirs = hard + 0.1 + random.normal(0, 0.05, 100), hard
    resampler = Resampler(_names(100))
    figure = resampler.difference(lambda i: float(ours[i].mean()), lambda i: float(theirs[i].mean()))
    assert figure.low is not None and figure.low > 0.05
    alone = resampler.mean(ours)
    assert alone.low is not None and alone.high is not None and alone.high - alone.low > 0.3


def test_few_groups_give_no_interval_and_nothing_gives_no_number() -> None:
    assert Resampler(_names(4)).mean(np.arange(4.0)).low is None
    many = Resampler(_names(9)).mean(np.array([1.0] * 4 + [np.nan] * 5))
    assert (many.value, many.low, many.cases, many.groups) == (1.0, None, 4, 4)
    middle = Resampler(_names(9)).median(np.array([1.0, 2.0, 3.0, 9.0] + [np.nan] * 5))
    assert (middle.value, middle.low, middle.cases, middle.groups) == (2.5, None, 4, 4)
    assert np.isnan(Resampler(_names(9)).mean(np.full(9, np.nan)).value)
    assert Resampler([]).mean(np.empty(0)).document() == {"value": None, "low": None, "high": None, "cases": 0, "groups": 0}
    assert Resampler(_names(9)).figure(lambda _: float("nan")).text() == "not defined"


def test_subgroups_are_traits_of_a_few_values() -> None:
    traits = [{"sex": "f" if n % 2 else "m", "number": str(n), "site": "a"} for n in range(20)]
    found = subgroups(traits)
    assert found.keys() == {"sex"} and found["sex"]["m"].tolist() == list(range(0, 20, 2))
    assert subgroups(traits, ["site"]) == {}


def test_bands_of_size_are_about_equally_full() -> None:
    sizes = np.array([0.0, *range(1, 10)])
    bands = size_bands(sizes, 3, "mm3")
    assert [len(members) for members in bands.values()] == [3, 3, 3]
    names = list(bands)
    assert names[0].startswith("below 3.67 mm3") and names[2].endswith("mm3 and more")
    assert 0 not in np.concatenate(list(bands.values()))
    assert size_bands(np.zeros(4), 3, "mm3") == {}


def test_agreement_by_hand() -> None:
    found = agreement(np.array([11.0, 9.0, 13.0]), np.array([10.0, 10.0, 10.0]))
    assert (found.bias_mm, found.mean_absolute_mm, found.median_absolute_mm) == pytest.approx((1.0, 5 / 3, 1.0))
    assert (found.low_mm, found.high_mm) == pytest.approx((1 - 1.96 * 2, 1 + 1.96 * 2))
    assert np.isnan(agreement(np.array([1.0]), np.array([1.0])).low_mm)


def test_bands_that_look_the_same_in_print_lose_no_case() -> None:
    bands = size_bands(np.array([100.1, 100.2, 100.3, 100.35, 100.4, 101.0]), 4, "px")
    assert sorted(np.concatenate(list(bands.values())).tolist()) == list(range(6))
