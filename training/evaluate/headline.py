"""The few figures that stand first: on the terminal, on the model card, on the report's page."""

from __future__ import annotations

from dataclasses import dataclass

from training.evaluate.figures.bootstrap import Figure
from training.evaluate.results import AS_IS, EVERYTHING, Evaluation

AT_THRESHOLD = ("accuracy_at_threshold", "sensitivity", "specificity", "false_alarms")
"""Figures that the package's thresholds decide, beside those that its probabilities alone do."""

_NAMES = {
    "dice": "Dice",
    "auc": "AUC",
    "accuracy": "Accuracy of the most probable class",
    "accuracy_at_threshold": "Accuracy at the threshold",
    "sensitivity": "Sensitivity at the threshold",
    "specificity": "Specificity at the threshold",
    "absolute_difference": "Mean absolute difference",
    "ap50": "AP50",
    "mask_ap50": "AP50 of masks",
    "sensitivity_at_1": "Sensitivity at 1 false alarm an image",
    "label_auc": "AUC of telling the labels apart",
    "image_auc": "AUC of images with and without",
    "false_alarms": "False alarms an image at the threshold",
}


@dataclass(frozen=True)
class Headline:
    """One line of a table: ``what`` is the metric's name with its subject and unit."""

    subject: str
    metric: str
    what: str
    way: str
    figure: Figure


def headline(evaluation: Evaluation) -> list[Headline]:
    """Dice of each label, or AUC, accuracy, and what the thresholds make of each label, and the measures' differences; of objects
    average precision, sensitivity at a false alarm an image, and the AUC of labels and images.

    What would only repeat another line is left out: the AUC of a single label, and mirrored cases whose figures are all those of
    the cases as they are.
    """
    lines, alone = [], len(evaluation.subject.classes or evaluation.subject.labels) == 1
    for way in ways_shown(evaluation):
        for subject, metrics in evaluation.figures[way].items():
            repeated = {"auc"} if subject != EVERYTHING and alone else set[str]()
            for metric in (key for key in _NAMES if key in metrics and key not in repeated):
                unit = f" ({evaluation.subject.length_unit})" if metric == "absolute_difference" else ""
                lines.append(Headline(subject, metric, f"{_NAMES[metric]}{unit}, {subject}", way, metrics[metric]))
    return lines


def ways_shown(evaluation: Evaluation) -> list[str]:
    """The ways whose figures differ from those as is, and that one. A package that takes the mean over mirrored passes answers
    mirrored cases alike.
    """
    plain = {subject: {key: f.document() for key, f in row.items()} for subject, row in evaluation.figures[AS_IS].items()}
    return [
        way
        for way, figures in evaluation.figures.items()
        if way == AS_IS or {subject: {key: f.document() for key, f in row.items()} for subject, row in figures.items()} != plain
    ]
