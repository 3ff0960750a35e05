"""Whole evaluations by models whose answers are known beforehand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from storage.base.clock import ManualClock
from storage.base.errors import ConfigError
from tests.unit.training.evaluate.made import CIRCUMFERENCE, ByMean, ByThreshold, bright_case, ellipse_case, model_of, recipe_of
from training.evaluate.baselines.fit import fit_baseline
from training.evaluate.baselines.masks import MaskBaseline
from training.evaluate.calibrate import calibrate
from training.evaluate.headline import AT_THRESHOLD, headline, ways_shown
from training.evaluate.measure import evaluate, mirrored
from training.evaluate.results import EVERYTHING

MEASURE = {"label": 1, "kind": "ellipse_circumference", "name": "Head circumference", "code": CIRCUMFERENCE}
SEGMENTER = model_of(ByThreshold(0.45), "segmentation", 2, measures=[MEASURE])
CLASSIFIER = model_of(ByMean(20.0), "classification", 2)


def test_a_segmentation_that_is_right() -> None:
    cases = [ellipse_case(n, semi_mm=(8 + n / 4, 7.0)) for n in range(12)]
    found = evaluate(SEGMENTER, recipe_of(), cases, clock=ManualClock())
    assert found.figure("Head", "dice").value == 1.0 and found.figure("Head", "dice").groups == 6
    assert found.figure("Head", "hd95").value == 0.0 and found.figure("Head", "size_error").value == 0.0
    assert found.agreement["Head circumference"].mean_absolute_mm < 0.3  # pixels of half a millimetre
    on_mask = found.figure("Head circumference", "true_mask_difference").value
    assert on_mask == found.agreement["Head circumference"].bias_mm != 0.0
    assert {row.key for row in found.strata} == {"site", "size of Head"} and found.subject.size_unit == "mm2"
    assert found.below({"Head": 1.0}) == [] and len(found.below({"Head": 1.01})) == 1
    assert [line.what for line in headline(found)] == ["Dice, Head", "Mean absolute difference (mm), Head circumference"]


def test_a_head_that_is_drawn_too_large_by_a_pixel_is_measured_in_millimetres() -> None:
    cases = []
    for number in range(6):
        large, small = ellipse_case(number, semi_mm=(12.0, 9.0)), ellipse_case(number, semi_mm=(11.5, 8.5))
        cases.append(replace(large, labels_kji=small.labels_kji, truths={}))
    found = evaluate(SEGMENTER, recipe_of(surface_tolerance_mm=0.4), cases)
    assert found.figure("Head circumference", "difference").value == pytest.approx(np.pi, abs=0.2)  # 2 pi times 0.5 mm
    assert (
        found.figure("Head circumference", "true_mask_difference").value == 0.0
    )  # where nothing else is known, the mask is true
    assert 0.4 < found.figure("Head", "mean_surface_distance").value <= 0.6
    assert found.figure("Head", "surface_dice").value < 0.1
    area = np.pi * (12 * 9 - 11.5 * 8.5)
    assert found.figure("Head", "size_error").value == pytest.approx(area, rel=0.1)


def test_missing_and_made_up_labels_are_told_apart() -> None:
    whole, empty = ellipse_case(1), ellipse_case(2, empty=True)
    missed = replace(ellipse_case(3), voxels_ckji=empty.voxels_ckji)
    made_up = replace(ellipse_case(4), labels_kji=empty.labels_kji, truths={})
    found = evaluate(SEGMENTER, recipe_of(), [whole, empty, missed, made_up])
    dice, alarms = found.figure("Head", "dice"), found.figure("Head", "false_alarm_rate")
    assert (dice.value, dice.cases) == (0.5, 2) and (alarms.value, alarms.cases) == (0.5, 2)
    assert found.figure("Head circumference", "unmeasured_rate").cases == 4
    assert found.worst["Head"] == ("case_003", "case_001")
    rows = found.document()["by_case"]["as is"]
    assert rows["case_002"]["Head"] == {"false_alarm": 0.0} and rows["case_003"]["Head"]["dice"] == 0.0
    assert rows["case_003"]["Head circumference"]["measured"] is None


def test_a_label_that_no_case_holds_misses_every_floor() -> None:
    found = evaluate(SEGMENTER, recipe_of(), [ellipse_case(n, empty=True) for n in range(3)])
    assert found.below({"Head": 0.0}) == ["Head as is: mean Dice not defined is below 0.0"]


def test_mirrored_cases_are_measured_where_the_model_learnt_mirrored() -> None:
    recipe = recipe_of()
    recipe = recipe.model_copy(update={"augment": recipe.augment.model_copy(update={"mirror_axes": (1,)})})
    case = ellipse_case(1)
    found = evaluate(SEGMENTER, recipe, [case])
    assert list(found.figures) == ["as is", "mirrored"] and found.figure("Head", "dice", "mirrored").value == 1.0
    assert np.array_equal(mirrored(case).voxels_ckji, case.voxels_ckji[..., ::-1])
    assert mirrored(bright_case(1)).labels_kji is None


def test_the_same_cases_give_the_same_document() -> None:
    cases = [ellipse_case(n) for n in range(6)]
    assert evaluate(SEGMENTER, recipe_of(), cases).document() == evaluate(SEGMENTER, recipe_of(), iter(cases)).document()


def test_no_person_stands_in_the_document() -> None:
    case = replace(ellipse_case(1), group="Doe^Jane")
    assert "Doe" not in str(evaluate(SEGMENTER, recipe_of(), [case]).document())


def test_no_cases_are_named() -> None:
    with pytest.raises(ConfigError, match="test part holds no cases"):
        evaluate(SEGMENTER, recipe_of(), [])


def test_a_classifier() -> None:
    found = evaluate(CLASSIFIER, recipe_of(specificity=0.8), [bright_case(n) for n in range(80)])
    auc = found.figure("Head", "auc")
    assert auc.low is not None and auc.high is not None and 0.75 < auc.low < auc.value < auc.high <= 1.0
    assert found.figure(EVERYTHING, "auc") == auc
    assert found.figure("Head", "sensitivity").value == pytest.approx(found.confusion[1][1] / sum(found.confusion[1]))
    assert found.figure("Head", "specificity").value == pytest.approx(found.confusion[0][0] / sum(found.confusion[0]))
    assert found.figure("Head", "accuracy_at_threshold") == found.figure(EVERYTHING, "accuracy"), "the threshold is a half"
    assert found.figure(EVERYTHING, "accuracy").value > 0.7 and set(found.charts) == {"ROC", "Reliability"}
    assert {row.metric for row in found.strata} == {"accuracy", "auc"} and len(found.pictures) == 7
    assert found.below({"Head": 0.99}) and not found.below({"Head": 0.7})


def test_a_threshold_of_its_own_has_figures_of_its_own_beside_the_most_probable_class() -> None:
    model = model_of(ByMean(30.0), "classification", 2, classification={"thresholds": [0.2]})
    found = evaluate(model, recipe_of(worst_cases=0), [bright_case(n) for n in range(80)])
    (calls,) = found.calibration["thresholds"]
    assert calls["threshold"] == 0.2 and calls["true_positive"] + calls["false_negative"] == 40
    right, present, absent = calls["true_positive"] + calls["true_negative"], calls["true_positive"], calls["true_negative"]
    for metric, value in (("accuracy_at_threshold", right / 80), ("sensitivity", present / 40), ("specificity", absent / 40)):
        figure = found.figure("Head", metric)
        assert figure.value == pytest.approx(value) and figure.low is not None and figure.low <= value
    assert calls["true_positive"] > found.confusion[1][1] and calls["true_negative"] < found.confusion[0][0]
    assert [(line.metric, line.subject) for line in headline(found)] == [
        ("auc", EVERYTHING),
        ("accuracy", EVERYTHING),
        *((metric, "Head") for metric in AT_THRESHOLD if metric != "false_alarms"),
    ]


def test_mirrored_cases_of_equal_figures_are_not_told_twice() -> None:
    recipe = recipe_of(worst_cases=0)
    mirroring = recipe.model_copy(update={"augment": recipe.augment.model_copy(update={"mirror_axes": (1,)})})
    alike = evaluate(CLASSIFIER, mirroring, [bright_case(n) for n in range(20)])
    assert set(alike.figures) == {"as is", "mirrored"} and ways_shown(alike) == ["as is"]
    other = replace(
        alike, figures={**alike.figures, "mirrored": {EVERYTHING: {"auc": replace(alike.figure("Head", "auc"), value=0.1)}}}
    )
    assert ways_shown(other) == ["as is", "mirrored"]


def test_calibration_is_fitted_on_other_cases_and_told_before_and_after() -> None:
    sure = model_of(ByMean(200.0), "classification", 2)
    fitted = calibrate(sure, [bright_case(n) for n in range(1000, 1080)])
    assert fitted.temperature > 2 and fitted.nll_after < fitted.nll_before and 0.2 < fitted.thresholds[0] < 0.8
    stated = {"temperature": fitted.temperature, "thresholds": list(fitted.thresholds)}
    served = model_of(ByMean(200.0), "classification", 2, classification=stated)
    others = [bright_case(n) for n in range(80)]
    found = evaluate(served, recipe_of(worst_cases=0), others)
    assert found.calibration["error_after"] < found.calibration["error_before"] - 0.05
    plain = evaluate(sure, recipe_of(worst_cases=0), others)
    assert plain.calibration["error_after"] == found.calibration["error_before"]


def test_a_baseline_of_masks_is_measured_beside() -> None:
    training = [ellipse_case(n, semi_mm=(11 + n % 3, 8.0)) for n in range(20, 30)]
    baseline = fit_baseline("segmentation", 2, training)
    test = [ellipse_case(n, semi_mm=(11 + n % 3, 8.0)) for n in range(8)]
    compared = evaluate(SEGMENTER, recipe_of(), test, baseline=baseline).comparison
    assert compared is not None and "training masks" in compared.name
    theirs, gap = compared.figures["Head"]["dice"], compared.differences["Head"]["dice"]
    assert 0.85 < theirs.value < 1.0 and gap.value == pytest.approx(1.0 - theirs.value)


def test_a_baseline_of_classes_learns_brightness() -> None:
    baseline = fit_baseline("classification", 2, (bright_case(n) for n in range(1000, 1040)))
    compared = evaluate(CLASSIFIER, recipe_of(), [bright_case(n) for n in range(40)], baseline=baseline).comparison
    assert compared is not None
    assert compared.differences[EVERYTHING]["auc"].value == pytest.approx(0.0, abs=0.05)
    with pytest.raises(ConfigError, match="no cases"):
        fit_baseline("segmentation", 2, [])


def test_a_baseline_learns_from_the_whole_training_part_and_not_from_its_beginning() -> None:
    """Names begin with the class in many data sets: the first cases would all be of one kind."""
    small, large = ((4.0, 4.0), (13.0, 13.0))
    cases = [ellipse_case(n, semi_mm=small if n < 420 else large) for n in range(900)]
    baseline = fit_baseline("segmentation", 2, cases)
    assert isinstance(baseline, MaskBaseline) and 0.4 < baseline.rules[0].prior[0, 32, 13] < 0.7
