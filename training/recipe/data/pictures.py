"""Sources of single images in files of their own: those that a pattern finds, and those that a table lists."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, field_validator, model_validator

from training.recipe.data.source import Source


class _Pictures(Source):
    """``colour``: grey by luma (ITU-R BT.601), or the three channels. ``spacing_mm``: one number, or between rows and between
    columns. ``truth_columns``, ``trait_columns``: name of a truth or trait to column.

    ``mask``: filled areas, outlines that are filled first, or pixel values that are label values. ``instances``: what a single
    object is, for a detection: every mask file (``files``), or every connected part of the masks (``parts``). ``instance_label``:
    where an object's label comes from: its mask, or the image's class.
    """

    colour: Literal["grey", "rgb"] = "grey"
    mask: Literal["filled", "outline", "values"] = "filled"
    spacing_mm: PositiveFloat | tuple[PositiveFloat, PositiveFloat] | None = None
    spacing_column: str = ""
    truth_columns: dict[str, str] = Field(default_factory=dict)
    trait_columns: dict[str, str] = Field(default_factory=dict)
    instances: Literal["", "files", "parts"] = ""
    instance_label: Literal["mask", "class"] = "mask"

    @model_validator(mode="after")
    def _objects_told(self) -> _Pictures:
        if self.instances == "files" and self.mask == "values":
            raise ValueError("instances: files needs one object a mask, and mask: values may hold several; write parts")
        if self.instance_label == "class" and not self.classes:
            raise ValueError("instance_label: class needs the key classes, by which a class is a label's value")
        return self


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
