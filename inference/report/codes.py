"""The coded concepts and colours that results use, from ``codes.json`` beside this file: fixed, reviewed, never random."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from highdicom.color import CIELabColor
from highdicom.sr import CodedConcept

from inference.manifest import Code, Label

Lab = tuple[float, float, float]


@dataclass(frozen=True)
class Table:
    """``colours`` by (value, scheme) of a segmented property type; ``palette`` for types that aren't there; CIELab (D50)."""

    colours: dict[tuple[str, str], Lab]
    palette: tuple[Lab, ...]
    laterality: dict[str, Code]
    procedures: dict[str, Code]
    concepts: dict[str, Code]


@cache
def table() -> Table:
    """The packaged table, read once."""
    raw: dict[str, Any] = json.loads(files("inference.report").joinpath("codes.json").read_text("utf-8"))
    return Table(
        colours={(row["value"], row["scheme"]): _lab(row["cielab"]) for row in raw["colours"]},
        palette=tuple(_lab(row) for row in raw["palette"]),
        laterality=_codes(raw["laterality"]),
        procedures=_codes(raw["procedures"]),
        concepts=_codes(raw["concepts"]),
    )


def concept(name: str) -> CodedConcept:
    """A concept of the table by its name there, such as ``volume``."""
    return coded(table().concepts[name])


def coded(code: Code) -> CodedConcept:
    """A Code Sequence item (PS3.3 8.1)."""
    return CodedConcept(code.value, code.scheme, code.meaning)


def same_code(item: Any, code: Code) -> bool:
    """Whether a Code Sequence item states ``code``; the meaning may be worded otherwise (PS3.3 8.1)."""
    return (item.get("CodeValue"), item.get("CodingSchemeDesignator")) == (code.value, code.scheme)


def procedure_of(modality: str) -> Code:
    """The imaging procedure that a study of ``modality`` shows, for studies that state none."""
    procedures = table().procedures
    return procedures.get(modality, procedures["default"])


def colours(labels: Iterable[Label]) -> dict[int, Lab]:
    """Label value -> CIELab: the colour of its type, else (or when another label has it) the next of the palette."""
    known = table()
    chosen: dict[int, Lab] = {}
    for label in labels:
        candidates = [known.colours.get((label.type.value, label.type.scheme)), *known.palette]
        free = [colour for colour in candidates if colour is not None and colour not in chosen.values()]
        chosen[label.value] = free[0] if free else known.palette[label.value % len(known.palette)]
    return chosen


def to_rgb(lab: Lab) -> tuple[int, int, int]:
    """sRGB, 0..255 each, clipped to what a screen shows."""
    red, green, blue = CIELabColor(*lab).to_rgb(clip=True)
    return int(red), int(green), int(blue)


def _lab(row: list[float]) -> Lab:
    lightness, a, b = row
    return float(lightness), float(a), float(b)


def _codes(raw: dict[str, dict[str, str]]) -> dict[str, Code]:
    return {name: Code(**code) for name, code in raw.items()}
