"""How figures are called and shown: their names, units and digits, and the explanations that go with them."""

from __future__ import annotations

import math

from training.evaluate.figures.bootstrap import Figure
from training.evaluate.figures.sizes import unit_symbol
from training.evaluate.results import Subject

LENGTH, SIZE, PERCENT, SHARE = "length", "size", "%", ""

_RATES = ("0.125", "0.25", "0.5", "2", "4", "8")

METRICS: dict[str, tuple[str, str, int]] = {
    "dice": ("Dice, mean", SHARE, 3),
    "dice_median": ("Dice, median", SHARE, 3),
    "surface_dice": ("Surface Dice", SHARE, 3),
    "hd95": ("Hausdorff distance, 95th percentile", LENGTH, 2),
    "mean_surface_distance": ("Mean surface distance", LENGTH, 2),
    "size_error": ("Size, predicted − true", SIZE, 1),
    "absolute_size_error_percent": ("Size, mean absolute error", PERCENT, 1),
    "false_alarm_rate": ("False alarms, of cases without it", SHARE, 3),
    "difference": ("Measured − true, mean", LENGTH, 2),
    "absolute_difference": ("Mean absolute difference", LENGTH, 2),
    "median_absolute_difference": ("Median absolute difference", LENGTH, 2),
    "true_mask_difference": ("The true mask measured the same way − true, mean", LENGTH, 2),
    "unmeasured_rate": ("Nothing found to measure", SHARE, 3),
    "auc": ("AUC", SHARE, 3),
    "accuracy": ("Accuracy of the most probable class", SHARE, 3),
    "accuracy_at_threshold": ("Accuracy at the package's threshold", SHARE, 3),
    "brier": ("Brier score (0 to 2, less is better)", SHARE, 3),
    "calibration_error": ("Expected calibration error", SHARE, 3),
    "sensitivity": ("Sensitivity at the package's threshold", SHARE, 3),
    "specificity": ("Specificity at the package's threshold", SHARE, 3),
    "sensitivity_at_specificity": ("Sensitivity at a specificity of {specificity:g}", SHARE, 3),
    "ap": ("Average precision, mean over IoU 0.5 to 0.95", SHARE, 3),
    "ap50": ("Average precision at IoU 0.5 (AP50)", SHARE, 3),
    "ap75": ("Average precision at IoU 0.75", SHARE, 3),
    "mask_ap": ("Average precision of masks, mean over IoU 0.5 to 0.95", SHARE, 3),
    "mask_ap50": ("Average precision of masks at IoU 0.5", SHARE, 3),
    "mask_ap75": ("Average precision of masks at IoU 0.75", SHARE, 3),
    **{f"sensitivity_at_{rate}": (f"Sensitivity at {rate} false alarms an image", SHARE, 3) for rate in _RATES},
    "sensitivity_at_1": ("Sensitivity at 1 false alarm an image", SHARE, 3),
    "cpm": ("Mean sensitivity at ⅛ to 8 false alarms an image (CPM)", SHARE, 3),
    "image_auc": ("AUC of images with such an object against those without", SHARE, 3),
    "label_auc": ("AUC of telling the labels of objects apart", SHARE, 3),
    "false_alarms": ("False alarms an image at the package's threshold", SHARE, 3),
    "specificity_at_sensitivity": ("Specificity at a sensitivity of {specificity:g}", SHARE, 3),
}


def metric_name(metric: str, subject: Subject) -> str:
    """With its unit, such as ``Mean surface distance (mm)``."""
    name, kind, _ = METRICS.get(metric, (metric.replace("_", " "), SHARE, 3))
    name = name.format(specificity=subject.specificity)
    if metric == "surface_dice":
        name = f"{name} at {subject.tolerance:g} {subject.length_unit}"
    unit = {LENGTH: subject.length_unit, SIZE: unit_symbol(subject.size_unit), PERCENT: PERCENT}.get(kind, "")
    return f"{name} ({unit})" if unit else name


def shown(metric: str, figure: Figure) -> str:
    """The figure's value with as many digits as its kind has."""
    return "not defined" if math.isnan(figure.value) else number(figure.value, _digits(metric))


def interval(metric: str, figure: Figure) -> str:
    """The ends of its interval."""
    if figure.low is None or figure.high is None:
        return "–"
    return f"{number(figure.low, _digits(metric))} to {number(figure.high, _digits(metric))}"


def number(value: float, digits: int = 2) -> str:
    """With a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def _digits(metric: str) -> int:
    return METRICS[metric][2] if metric in METRICS else 3
