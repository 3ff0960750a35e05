"""Where labelled cases come from: one section for each kind of source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, field_validator, model_validator

from training.recipe.base import Part
from training.recipe.split import DrawnSplit, Duplicates, GivenSplit, Grouping, Limit, RangeSplit, Split

__all__ = [
    "ArrayData",
    "Data",
    "DicomData",
    "DrawnSplit",
    "Duplicates",
    "GivenSplit",
    "Grouping",
    "ImageData",
    "Limit",
    "NiftiData",
    "NnunetData",
    "PhantomData",
    "PictureData",
    "RangeSplit",
    "Split",
    "TableData",
]


class _Source(Part):
    """``classes``: what the source calls a class, to the label's value; 0 is "none of the labels". ``limit``: learn from fewer
    cases than the training part holds.
    """

    split: Split
    limit: Limit | None = None
    group: Grouping = Grouping()
    duplicates: Duplicates | None = Duplicates()
    classes: dict[str, int] = Field(default_factory=dict)
    statement: str


class NiftiData(_Source):
    """NIfTI files that ``images`` finds below ``--data``.

    ``labels`` is the mask's path, with ``{name}`` for the image file's name, ``{stem}`` for the same without its ending,
    ``{folder}`` for its folder below ``--data``.
    """

    kind: Literal["nifti"]
    images: str = "images/*.nii.gz"
    labels: str = "labels/{name}"


class NnunetData(_Source):
    """A data set in nnU-Net's layout: ``dataset.json``, ``imagesTr``, ``labelsTr``. ``channel`` is the one that is read."""

    kind: Literal["nnunet"]
    channel: int = Field(default=0, ge=0)


class DicomData(_Source):
    """Folders of DICOM: image Series that a SEG or an RTSTRUCT refers to.

    ``labels``: the name of a segment or ROI, or a segment's coded type as ``SCHEME:VALUE``, to the label's value. Others are
    left out. A case is one image Series with its object, named by its modality and a digest of its UID.
    """

    kind: Literal["dicom"]
    group: Grouping = Grouping(by="patient", means="person")
    objects: Literal["seg", "rtstruct"] = "seg"
    labels: dict[str, int] = Field(min_length=1)

    @model_validator(mode="after")
    def _unnumbered(self) -> DicomData:
        if self.split.kind == "ranges":
            raise ValueError("split.kind of dicom must be drawn or given: its cases have digests for names, not numbers")
        return self


class _Pictures(_Source):
    """``colour``: grey by luma (ITU-R BT.601), or the three channels. ``spacing_mm``: one number, or between rows and between
    columns. ``truth_columns``, ``trait_columns``: name of a truth or trait to column.

    ``mask``: filled areas, outlines that are filled first, or pixel values that are label values.
    """

    colour: Literal["grey", "rgb"] = "grey"
    mask: Literal["filled", "outline", "values"] = "filled"
    spacing_mm: PositiveFloat | tuple[PositiveFloat, PositiveFloat] | None = None
    spacing_column: str = ""
    truth_columns: dict[str, str] = Field(default_factory=dict)
    trait_columns: dict[str, str] = Field(default_factory=dict)


class ImageData(_Pictures):
    """PNG images (or single DICOM ones, ending in .dcm) that ``images`` finds.

    ``masks``: path with ``{name}``, ``{stem}``, ``{folder}`` and, in its last part, wildcards; several masks of an image are
    united, and none of them is taken for an image. ``class_from``: ``folder``, or a column of ``table`` (CSV), whose
    ``name_column`` names the file.
    """

    kind: Literal["png"]
    images: str = "images/*.png"
    masks: str = ""
    class_from: str = ""
    table: str = ""
    name_column: str = "filename"

    @field_validator("masks")
    @classmethod
    def _one_folder(cls, value: str) -> str:
        if any(character in value.rpartition("/")[0] for character in "*?["):
            raise ValueError("wildcards are for the last part of the path; name the folder by {folder}")
        return value

    @model_validator(mode="after")
    def _table_named(self) -> ImageData:
        columns = [self.spacing_column, self.group.column, *self.truth_columns.values(), *self.trait_columns.values()]
        if not self.table and (any(columns) or self.class_from not in ("", "folder")):
            raise ValueError("a column is named, but no table; name the CSV file by the key table")
        return self


class TableData(_Pictures):
    """A CSV table of image files, PNG and alike or single DICOM images.

    Its columns name the file, the mask, the class and the part (train, validate, test).
    """

    kind: Literal["csv"]
    table: str
    image_column: str
    mask_column: str = ""
    class_column: str = ""
    part_column: str = ""


class ArrayData(_Source):
    """Arrays of an .npz file: ``{part}_images`` (N, J, I) or (N, J, I, C) and ``{part}_labels``, part being train, val, test."""

    kind: Literal["npz"]
    file: str


class PhantomData(_Source):
    """Phantoms of our own generator, one a seed; the split's ranges are of seeds."""

    kind: Literal["phantom"]
    split: RangeSplit
    size_kji: tuple[int, int, int]
    spacing_mm_kji: tuple[float, float, float]
    duplicates: Duplicates | None = None


class PictureData(_Source):
    """Pictures of our own generator, one a seed; where ``of`` has classes they take turns by seed."""

    kind: Literal["phantom-pictures"]
    split: RangeSplit
    of: Literal["fetal-head", "breast", "chest"]
    size_ji: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]] | None = None
    duplicates: Duplicates | None = None


Data = Annotated[
    NiftiData | NnunetData | DicomData | ImageData | TableData | ArrayData | PhantomData | PictureData,
    Field(discriminator="kind"),
]
