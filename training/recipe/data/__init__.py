"""Where labelled cases come from, which of them belong together, and how they are parted."""

from __future__ import annotations

from training.recipe.data.kinds import (
    ArrayData,
    Data,
    DicomData,
    MadeData,
    NiftiData,
    NnunetData,
    Nodules,
    PhantomData,
    PictureData,
)
from training.recipe.data.pictures import ImageData, TableData
from training.recipe.data.series import SeriesData, SeriesPhantomData
from training.recipe.data.split import DrawnSplit, Duplicates, GivenSplit, Grouping, Limit, RangeSplit, Split

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
    "MadeData",
    "NiftiData",
    "NnunetData",
    "Nodules",
    "PhantomData",
    "PictureData",
    "RangeSplit",
    "SeriesData",
    "SeriesPhantomData",
    "Split",
    "TableData",
]
