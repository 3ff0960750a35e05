"""Where labelled cases come from, which of them belong together, and how they are split."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.recipe.base import Part, PartName


class RangeSplit(Part):
    """Inclusive ranges of case numbers. They must not overlap, so that no case is both learnt and tested."""

    kind: Literal["ranges"] = "ranges"
    train: tuple[int, int]
    validate_: tuple[int, int] = Field(alias="validate")
    test: tuple[int, int]

    @model_validator(mode="after")
    def _apart(self) -> RangeSplit:
        ranges = sorted([self.train, self.validate_, self.test])
        if any(first > last for first, last in ranges) or any(a[1] >= b[0] for a, b in pairwise(ranges)):
            raise ValueError("the ranges must run upwards and must not overlap")
        return self


class DrawnSplit(Part):
    """Groups drawn by ``seed`` into parts of about these shares, alike in the trait ``stratify`` where one is named."""

    kind: Literal["drawn"]
    shares: dict[PartName, float]
    stratify: str = ""
    seed: int = 0

    @model_validator(mode="after")
    def _whole(self) -> DrawnSplit:
        if self.shares.keys() != {"train", "validate", "test"} or min(self.shares.values()) <= 0:
            raise ValueError("shares needs a positive number for each of train, validate and test")
        if abs(sum(self.shares.values()) - 1) > 1e-6:
            raise ValueError("shares must sum to 1")
        return self


class GivenSplit(Part):
    """As the source says: a column of its table, the arrays of an .npz, or ``file``, JSON of case names by part."""

    kind: Literal["given"]
    file: str = ""


Split = Annotated[RangeSplit | DrawnSplit | GivenSplit, Field(discriminator="kind")]


class Grouping(Part):
    """Which cases are never parted: those of one person, or of one examination where persons aren't known.

    ``each``: every case by itself. ``consecutive``: the numbers in the names, ``size`` by ``size`` from 1. ``pattern``: what the
    first parenthesis of a regular expression finds in the name. ``column``: a column of the source's table.
    """

    by: Literal["each", "consecutive", "pattern", "column"] = "each"
    means: Literal["person", "examination", "case"] = "person"
    size: int = Field(default=1, ge=1)
    pattern: str = ""
    column: str = ""


class Duplicates(Part):
    """Images of different cases that are nearly the same: correlated above ``correlation`` at ``side`` x ``side`` pixels.

    ``fail``: the run ends and lists them. ``group``: they are never parted. ``drop``: one of each pair stays, in the part that
    is nearest to the test; of pairs whose labels contradict each other (``contradictions``), none, or the recipe keeps both.
    """

    correlation: float = Field(default=0.99, gt=0, le=1)
    side: int = Field(default=32, ge=4)
    treat: Literal["fail", "group", "drop"] = "fail"
    contradictions: Literal["fail", "drop", "keep"] = "fail"


class _Source(Part):
    split: Split
    group: Grouping = Grouping()
    duplicates: Duplicates | None = Duplicates()
    classes: dict[str, int] = Field(default_factory=dict)
    statement: str


class NiftiData(_Source):
    """NIfTI files that ``images`` finds below ``--data``; ``labels`` is the mask's path, with ``{name}`` for the file's name."""

    kind: Literal["nifti"]
    images: str = "images/*.nii.gz"
    labels: str = "labels/{name}"


class NnunetData(_Source):
    """A data set in nnU-Net's layout: ``dataset.json``, ``imagesTr``, ``labelsTr``."""

    kind: Literal["nnunet"]


class DicomData(_Source):
    """Folders of DICOM: image Series that a SEG or an RTSTRUCT refers to. ``labels``: segment or ROI name to label value."""

    kind: Literal["dicom"]
    objects: Literal["seg", "rtstruct"] = "seg"
    labels: dict[str, int] = Field(min_length=1)


class ImageData(_Source):
    """PNG images that ``images`` finds; ``masks`` with ``{stem}``; ``class_from`` the folder or a column of ``table`` (CSV)."""

    kind: Literal["png"]
    images: str = "images/*.png"
    masks: str = ""
    class_from: str = ""
    table: str = ""
    name_column: str = "filename"
    spacing_mm: float | tuple[float, float] | None = None
    spacing_column: str = ""
    truth_columns: dict[str, str] = Field(default_factory=dict)


class TableData(_Source):
    """A CSV table of image files: the columns that name the file, the class, the part."""

    kind: Literal["csv"]
    table: str
    image_column: str
    class_column: str
    part_column: str = ""


class ArrayData(_Source):
    """Arrays of an .npz file: ``{part}_images`` (N, J, I) or (N, J, I, C) and ``{part}_labels``, part being train, val, test."""

    kind: Literal["npz"]
    file: str


class PhantomData(_Source):
    """Phantoms of our own generator; a case's number is its seed."""

    kind: Literal["phantom"]
    size_kji: tuple[int, int, int]
    spacing_mm_kji: tuple[float, float, float]
    duplicates: Duplicates | None = None


Data = Annotated[
    NiftiData | NnunetData | DicomData | ImageData | TableData | ArrayData | PhantomData, Field(discriminator="kind")
]
