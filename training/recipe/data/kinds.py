"""Where labelled cases come from: one section for each kind of source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, model_validator

from training.recipe.base import Part
from training.recipe.data.pictures import ImageData, TableData
from training.recipe.data.series import SeriesData, SeriesPhantomData
from training.recipe.data.source import Source
from training.recipe.data.split import Duplicates, Grouping, RangeSplit


class NiftiData(Source):
    """NIfTI files that ``images`` finds below ``--data``.

    ``labels`` is the mask's path, with ``{name}`` for the image file's name, ``{stem}`` for the same without its ending,
    ``{folder}`` for its folder below ``--data``.
    """

    kind: Literal["nifti"]
    images: str = "images/*.nii.gz"
    labels: str = "labels/{name}"


class NnunetData(Source):
    """A data set in nnU-Net's layout: ``dataset.json``, ``imagesTr``, ``labelsTr``. ``channel`` is the one that is read."""

    kind: Literal["nnunet"]
    channel: int = Field(default=0, ge=0)


class DicomData(Source):
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


class ArrayData(Source):
    """Arrays of an .npz file: ``{part}_images`` (N, J, I) or (N, J, I, C) and ``{part}_labels``, part being train, val, test."""

    kind: Literal["npz"]
    file: str


class Nodules(Part):
    """Nodules in a phantom's lungs: ``count`` from, to; ``diameter_mm`` from, to; ``hu`` their density from, to; ``uneven``: how
    far from a ball, as a share of the radius.
    """

    count: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]] = (0, 5)
    diameter_mm: tuple[PositiveFloat, PositiveFloat] = (8.0, 30.0)
    hu: tuple[float, float] = (-50.0, 60.0)
    uneven: float = Field(default=0.15, ge=0, le=0.4)

    @model_validator(mode="after")
    def _rising(self) -> Nodules:
        for key in ("count", "diameter_mm", "hu"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key}: {low:g} to {high:g} is no range; write the lesser number first")
        return self


class PhantomData(Source):
    """Phantoms of our own generator, one a seed; the split's ranges are of seeds. With ``nodules`` these are the objects and the
    only label, 1; the organs are labelled otherwise.
    """

    kind: Literal["phantom"]
    split: RangeSplit
    size_kji: tuple[int, int, int]
    spacing_mm_kji: tuple[float, float, float]
    nodules: Nodules | None = None
    duplicates: Duplicates | None = None


class PictureData(Source):
    """Pictures of our own generator, one a seed; where ``of`` has classes they take turns by seed. ``instances: parts``: every
    connected part of the mask is an object, of label 1.
    """

    kind: Literal["phantom-pictures"]
    split: RangeSplit
    of: Literal["fetal-head", "breast", "chest"]
    size_ji: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]] | None = None
    instances: Literal["", "parts"] = ""
    duplicates: Duplicates | None = None


MadeData = PhantomData | PictureData | SeriesPhantomData
"""What our own generators make: there is no folder to read."""

Data = Annotated[
    NiftiData
    | NnunetData
    | DicomData
    | SeriesData
    | ImageData
    | TableData
    | ArrayData
    | PhantomData
    | PictureData
    | SeriesPhantomData,
    Field(discriminator="kind"),
]
