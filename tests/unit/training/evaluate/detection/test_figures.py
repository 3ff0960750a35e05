"""Average precision, FROC and AUC: worked by hand, against loops, draw by draw, and what must always hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.training.evaluate.detection.made import drawn_images, image, slow_average_precision, slow_sensitivity
from training.evaluate.detection.bands import Band, bands_between, even_bands
from training.evaluate.detection.draws import Draws
from training.evaluate.detection.figures import (
    ALL_CLASSES,
    ANY_CLASS,
    COCO,
    THRESHOLDS,
    detection_figures,
    figures_by_size,
    hit_rule,
)
from training.evaluate.detection.froc import RATES, sensitivities
from training.evaluate.detection.overlap import centre_inside
from training.evaluate.detection.pool import MOST_PER_IMAGE, pool
from training.evaluate.detection.precision import average_precision
from training.evaluate.detection.ranking import ranking_auc
from training.evaluate.detection.records import DetectedImage
from training.evaluate.figures.ranking import auc

A, B, FAR = (0, 0, 10, 10), (20, 20, 30, 30), (50, 50, 60, 60)


def _value(images: Sequence[DetectedImage], metric: str, subject: str = "lesion") -> float:
    figure = detection_figures(images, {1: "lesion"}, resamples=0)[subject][metric].figure
    assert figure is not None
    return figure.value


def test_average_precision_worked_by_hand() -> None:
    """Hit, false alarm, hit of two objects: precision 1 up to recall 0.5 (51 points), 2/3 beyond (50 points)."""
    images = [image("a", [(A, 0.9), (FAR, 0.8), (B, 0.7)], [A, B])]
    assert _value(images, "ap50") == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert _value(images, "ap") == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_precision_at_higher_overlap_is_that_of_the_boxes_that_reach_it() -> None:
    """A box of IoU 0.8: hit up to 0.80, a false alarm from 0.85 on; so AP 1 at 7 of the ten thresholds."""
    images = [image("a", [((0, 0, 8, 10), 0.9)], [A])]
    assert (_value(images, "ap50"), _value(images, "ap75")) == (1.0, 1.0)
    assert _value(images, "ap") == pytest.approx(0.7)


def test_perfect_boxes_give_one_everywhere_and_none_nothing() -> None:
    images = [image(f"i{n}", [(A, 0.9), (B, 0.8)], [A, B]) for n in range(3)] + [image("empty", [], [])]
    table = detection_figures(images, {1: "lesion"}, resamples=0)
    for subject, metrics in table.items():
        for metric, measured in metrics.items():
            assert measured.figure is not None and measured.figure.value == 1.0, (subject, metric)
    missed = [replace(one, boxes=one.boxes[:0], scores=one.scores[:0], labels=one.labels[:0]) for one in images]
    assert (_value(missed, "ap"), _value(missed, "cpm"), _value(missed, "image_auc")) == (0.0, 0.0, 0.5)


def test_sensitivities_worked_by_hand() -> None:
    """Two images, three objects: 0.9 hit, 0.8 alarm, 0.7 hit, 0.6 alarm, 0.6 hit. Equal scores come together."""
    images = [image("a", [(A, 0.9), (FAR, 0.8), (B, 0.7)], [A, B]), image("b", [(FAR, 0.6), (A, 0.6)], [A])]
    found = {rate: _value(images, f"sensitivity_at_{rate:g}") for rate in RATES}
    assert found == pytest.approx({0.125: 1 / 3, 0.25: 1 / 3, 0.5: 2 / 3, 1.0: 1, 2.0: 1, 4.0: 1, 8.0: 1})
    assert _value(images, "cpm") == pytest.approx((1 / 3 + 1 / 3 + 2 / 3 + 4) / 7)


def test_an_image_without_objects_counts_its_false_alarms_and_itself() -> None:
    with_alarm = [image("a", [(A, 0.5)], [A]), image("b", [(FAR, 0.9)], [])]
    assert _value(with_alarm, "ap50") == 0.5
    assert (_value(with_alarm, "sensitivity_at_0.25"), _value(with_alarm, "sensitivity_at_0.5")) == (0.0, 1.0)
    assert _value(with_alarm, "image_auc") == 0.0


def test_two_boxes_on_one_object_are_one_hit_and_an_alarm_or_one_hit() -> None:
    images = [image("a", [(A, 0.9), ((0, 0, 10, 9), 0.8), (B, 0.7)], [A, B])]
    for duplicates, expected in ((True, 0.5), (False, 1.0)):
        rule = hit_rule(centre_inside, 0.0, duplicates=duplicates)
        figure = detection_figures(images, {1: "lesion"}, froc=rule, resamples=0)["lesion"]["sensitivity_at_0.5"].figure
        assert figure is not None and figure.value == expected


def test_no_object_at_all_gives_a_reason_and_no_number() -> None:
    table = detection_figures([image("a", [(A, 0.9)], [])], {1: "lesion"})
    for metrics in table.values():
        for measured in metrics.values():
            assert measured.figure is None and "no " in measured.reason
            assert measured.document()["value"] is None
    assert table["lesion"]["ap"].text() == "the images hold no object of lesion"
    assert "no image is positive" in table["lesion"]["image_auc"].reason
    assert detection_figures([], {1: "lesion"})["lesion"]["ap"].figure is None


def test_classes_are_apart_and_their_mean_leaves_out_those_without_objects() -> None:
    images = [image("a", [(A, 0.9), (B, 0.8)], [A, B], labels=[1, 2], true_labels=[1, 1])]
    table = detection_figures(images, {1: "benign", 2: "malignant"}, resamples=0)
    assert table["benign"]["ap50"].figure is not None
    assert table["benign"]["ap50"].figure.value == pytest.approx(51 / 101)
    assert table["malignant"]["ap50"].figure is None
    assert table[ALL_CLASSES]["ap50"].figure == table["benign"]["ap50"].figure
    both = table[ANY_CLASS]["sensitivity_at_1"].figure
    assert both is not None and both.value == 1.0


def test_bands_of_size_set_aside_what_is_of_another_size() -> None:
    """Large A is found, small S missed; the band of small objects has one alarm of its own size, the large one none."""
    small, alarm = (40, 40, 42, 42), (70, 70, 72, 72)
    images = [image("a", [(A, 0.9), (alarm, 0.8)], [A, small])]
    bands = [Band("small", 0, 50), Band("large", 50, np.inf)]
    table = figures_by_size(images, {1: "lesion"}, bands, resamples=0)
    found = {name: [row["lesion"][key].figure for key in ("ap50", "sensitivity_at_1")] for name, row in table.items()}
    assert [figure.value for figure in found["small"] if figure] == [0.0, 0.0]
    assert [figure.value for figure in found["large"] if figure] == [1.0, 1.0]
    at_once = pool(images, Draws(["a"]), hit_rule(), 1, bands[1])
    assert at_once.alarms.sum() == 1  # an alarm of any size is an alarm of an FROC
    assert pool(images, Draws(["a"]), COCO, 1, bands[1]).alarms.sum() == 0


def test_bands_hold_every_size_once() -> None:
    bands = bands_between([1024, 9216], "px²")
    assert [band.name for band in bands] == ["below 1,024 px²", "1,024 to 9,216 px²", "9,216 px² and more"]
    sizes = np.array([0.0, 1023.9, 1024, 9216, 1e9])
    assert np.stack([band.holds(sizes) for band in bands]).argmax(axis=0).tolist() == [0, 0, 1, 2, 2]
    images = [image(f"i{n}", [], [(0, 0, n, 1)]) for n in range(1, 10)]
    held = [sum(int(band.holds(np.array([n]))[0]) for n in range(1, 10)) for band in even_bands(images, 3, "px²")]
    assert held == [3, 3, 3] and even_bands([], 3, "px²") == ()


def test_masks_are_measured_where_every_image_has_them() -> None:
    """The box is right, half of the mask isn't: IoU 0.5."""
    truth = np.zeros((1, 20, 20), bool)
    truth[0, :10, :10] = True
    half = truth.copy()
    half[0, 5:] = False
    images = [replace(image("a", [(A, 0.9)], [A]), masks=half, true_masks=truth)]
    assert (_value(images, "ap"), _value(images, "mask_ap50")) == (1.0, 1.0)
    assert _value(images, "mask_ap") == pytest.approx(0.1) and _value(images, "mask_ap75") == 0.0


def test_the_surest_hundred_of_an_image_count() -> None:
    rows = [(FAR, 0.9)] * MOST_PER_IMAGE + [(A, 0.8)]
    assert _value([image("a", rows, [A])], "ap50") == 0.0
    assert _value([image("a", rows[1:], [A])], "ap50") == pytest.approx(0.01)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), dims=st.sampled_from([2, 3]), levels=st.sampled_from([5, 1000]))
def test_figures_are_those_of_plain_loops(seed: int, dims: int, levels: int) -> None:
    images = drawn_images(seed, 8, 4, dims, levels)
    if not any(len(one.true_boxes) for one in images):
        return
    draws = Draws([one.group for one in images], resamples=0)
    for place in (0, 4):
        found = average_precision(pool(images, draws, COCO), place, draws.weights)[0]
        assert found == pytest.approx(slow_average_precision(images, THRESHOLDS[place]))
        assert 0.0 <= found <= 1.0
    each = sensitivities(pool(images, draws, hit_rule()), 0, draws.weights, draws.per_group(np.ones(8)))[0]
    assert each.tolist() == pytest.approx([slow_sensitivity(images, 0.5, rate) for rate in RATES])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_last_false_alarm_raises_nothing(seed: int) -> None:
    images = drawn_images(seed, 6, 6)
    row = images[0]
    extra = replace(
        row,
        boxes=np.vstack([row.boxes, (200, 200, 210, 210)]),
        scores=np.append(row.scores, -1.0),
        labels=np.append(row.labels, 1),
    )
    before = detection_figures(images, {1: "one", 2: "two"}, resamples=0)
    after = detection_figures([extra, *images[1:]], {1: "one", 2: "two"}, resamples=0)
    for subject, metrics in before.items():
        for metric, measured in metrics.items():
            other = after[subject][metric]
            assert (measured.figure is None) == (other.figure is None)
            if measured.figure and other.figure and metric != "image_auc":
                assert other.figure.value <= measured.figure.value + 1e-12


def test_every_draw_is_the_figure_of_its_images() -> None:
    """Weights against the images themselves, repeated as they were drawn; scores differ, as equal ones of copies could part."""
    images = drawn_images(3, 12, 6, levels=10**9)
    draws = Draws([one.group for one in images], seed=5, resamples=8)
    precision = average_precision(pool(images, draws, COCO), 0, draws.weights)
    froc = sensitivities(pool(images, draws, hit_rule()), 0, draws.weights, draws.per_group(np.ones(12)))
    for row, weights in enumerate(draws.weights):
        drawn = [one for n, one in enumerate(images) for _ in range(int(weights[draws.code[n]]))]
        assert precision[row] == pytest.approx(slow_average_precision(drawn, 0.5))
        assert froc[row].tolist() == pytest.approx([slow_sensitivity(drawn, 0.5, rate) for rate in RATES])


def test_the_area_of_every_draw_is_that_of_its_images() -> None:
    random = np.random.default_rng(4)
    scores, positive = random.integers(0, 9, 40) / 9, random.random(40) < 0.4
    draws = Draws([str(n // 2) for n in range(40)], resamples=30)
    found = ranking_auc(scores, positive, draws)
    each = []
    for weights in draws.weights:
        chosen = np.repeat(np.arange(40), weights[draws.code].astype(int))
        each.append(auc(scores[chosen], positive[chosen]))
    assert found.figure is not None
    assert (found.figure.value, found.figure.low) == pytest.approx((each[0], np.percentile(each[1:], 2.5)))


def test_intervals_are_of_groups_seeded_and_quick() -> None:
    images = drawn_images(8, 120, 60)
    table = detection_figures(images, {1: "one", 2: "two"})
    figure = table[ALL_CLASSES]["ap50"].figure
    assert figure is not None and figure.low is not None and figure.high is not None
    assert figure.low < figure.value < figure.high and (figure.cases, figure.groups) == (120, 60)
    assert detection_figures(images, {1: "one", 2: "two"}) == table
    few = detection_figures(images[:4], {1: "one", 2: "two"})[ALL_CLASSES]["ap50"].figure
    assert few is not None and few.low is None
