"""What grouping, split and duplicates mean, in words, and what isn't known."""

from __future__ import annotations

from training.data.dataset import DataSet
from training.recipe.data import ArrayData, ImageData, PhantomData, PictureData, TableData
from training.recipe.data.split import DrawnSplit, GivenSplit, Grouping

_MEANING = {
    "person": "By person: all cases of one person are in one part.",
    "examination": "By examination, not by person: all cases of one examination are in one part, but a person who was examined "
    "more than once may be in several.",
    "case": "By case: nothing is known of which cases are of one person, and two of them may be in different parts.",
}


def grouping_words(group: Grouping) -> str:
    """What a group is, and how it was told."""
    how = {
        "each": "Every case is its own group.",
        "consecutive": f"Every {group.size} consecutive numbers are one group.",
        "pattern": f"The group stands in the case's name (pattern {group.pattern}).",
        "column": f"The group stands in the column {group.column} of the table.",
        "patient": "The group is a digest of DICOM's Patient ID.",
        "study": "The group is a digest of DICOM's Study Instance UID.",
    }
    return f"{_MEANING[group.means]} {how[group.by]}"


def split_words(dataset: DataSet) -> str:
    """How the parts came about, and how many of the training cases are used."""
    limit = dataset.recipe.data.limit
    if limit is None:
        return _split_words(dataset)
    kept = len(dataset.of("train"))
    return (
        f"{_split_words(dataset)} Of the training part's {kept + dataset.unused} cases {kept} are learnt from, drawn by seed "
        f"{limit.seed} from whole groups (data.limit)."
    )


def _split_words(dataset: DataSet) -> str:
    split = dataset.recipe.data.split
    if isinstance(split, DrawnSplit):
        shares = ", ".join(f"{part} {share:g}" for part, share in split.shares.items())
        strata = f", alike in {split.stratify}" if split.stratify else ""
        return (
            f"Drawn by seed {split.seed} from whole groups ({shares}{strata}). The order of groups depends on seed and name "
            "alone; cases that are added later move only those next to a cut."
        )
    if isinstance(split, GivenSplit):
        return f"Given by {split.file or 'the source'}."
    ranges = ", ".join(f"{part} {first} to {last}" for part, (first, last) in split.by_part.items())
    return f"By ranges of case numbers ({ranges})."


def unknown(dataset: DataSet) -> list[str]:
    """What nobody should take for known."""
    data, found = dataset.recipe.data, []
    drawn = isinstance(data, PhantomData | PictureData)
    if isinstance(data, ArrayData) or (
        isinstance(data, ImageData | TableData) and not data.spacing_column and not data.spacing_mm
    ):
        found.append("No pixel spacing is stated: 1 mm is nominal, so areas in mm² count pixels.")
    if data.group.means != "person" and not drawn:
        found.append("Which cases are of one person is not known.")
    if data.duplicates is None and not drawn:
        found.append("No check for duplicate images was made.")
    elif not drawn:
        found.append(
            "Duplicates are sought among whole images as they lie: one that is mirrored, turned or cut out is not found."
        )
    traits = sorted({trait for entry in dataset.entries for trait in entry.traits})
    told = f"but {', '.join(traits)} " if traits else ""
    found.append(f"Nothing {told}is stated of the persons, their scanners or their sites.")
    return found
