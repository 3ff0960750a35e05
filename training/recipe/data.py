"""Where labelled cases come from: one section for each kind of source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from training.recipe.base import Part
from training.recipe.split import DrawnSplit, Duplicates, GivenSplit, Grouping, RangeSplit, Split

__all__ = [
    "ArrayData",
    "Data",
    "DicomData",
    "DrawnSplit",
    "Duplicates",
    "GivenSplit",
    "Grouping",
    "ImageData",
    "NiftiData",
    "NnunetData",
    "PhantomData",
    "RangeSplit",
    "Split",
    "TableData",
]


class _Source(Part):
    """``classes``: what the source calls a class, to the label's value; 0 is "none of the labels"."""

    split: Split
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
    """``colour``: grey by luma (ITU-R BT.601), or the three channels. ``traits``: trait to column. ``spacing_mm``: one number,
    or between rows and between columns.

    ``mask``: filled areas, outlines that are filled first, or pixel values that are label values.
    """

    colour: Literal["grey", "rgb"] = "grey"
    mask: Literal["filled", "outline", "values"] = "filled"
    spacing_mm: float | tuple[float, float] | None = None
    spacing_column: str = ""
    truth_columns: dict[str, str] = Field(default_factory=dict)
    trait_columns: dict[str, str] = Field(default_factory=dict)


class ImageData(_Pictures):
    """PNG images that ``images`` finds.

    ``masks``: path with ``{name}``, ``{stem}``, ``{folder}`` and wildcards; several masks of an image are united, and none of
    them is taken for an image. ``class_from``: ``folder``, or a column of ``table`` (CSV), whose ``name_column`` names the file.
    """

    kind: Literal["png"]
    images: str = "images/*.png"
    masks: str = ""
    class_from: str = ""
    table: str = ""
    name_column: str = "filename"

    @model_validator(mode="after")
    def _table_named(self) -> ImageData:
        columns = [self.spacing_column, self.group.column, *self.truth_columns.values(), *self.trait_columns.values()]
        if not self.table and (any(columns) or self.class_from not in ("", "folder")):
            raise ValueError("a column is named, but no table")
        return self


class TableData(_Pictures):
    """A CSV table of image files: the columns that name the file, the mask, the class, the part (train, validate, test)."""

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
    """Phantoms of our own generator; a case's number is its seed."""

    kind: Literal["phantom"]
    size_kji: tuple[int, int, int]
    spacing_mm_kji: tuple[float, float, float]
    duplicates: Duplicates | None = None

    @model_validator(mode="after")
    def _by_seed(self) -> PhantomData:
        if self.split.kind != "ranges":
            raise ValueError("split.kind of phantoms must be ranges: of seeds")
        return self


Data = Annotated[
    NiftiData | NnunetData | DicomData | ImageData | TableData | ArrayData | PhantomData, Field(discriminator="kind")
]
