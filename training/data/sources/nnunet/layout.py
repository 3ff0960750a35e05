"""What a folder in nnU-Net's layout says of itself: ``dataset.json`` of version 1 (and of the Decathlon) or 2.

Source: nnU-Net's documentation, dataset_format.md (MIC-DKFZ/nnUNet). Version 1 has ``modality`` and labels by number, version 2
``channel_names``, labels by name and ``file_ending``. Images are ``imagesTr/CASE_0000.END``, one file a channel, in the
Decathlon ``imagesTr/CASE.END``; masks are ``labelsTr/CASE.END``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.base.errors import ConfigError
from training.data.sources.files import need

_ENDINGS = (".nii.gz", ".nii", ".png")


@dataclass(frozen=True)
class Layout:
    """A data set's own words. ``channels``: names by place; ``labels``: names in the order of their values, from 1."""

    folder: Path
    name: str
    description: str
    licence: str
    reference: str
    channels: tuple[str, ...]
    labels: tuple[str, ...]
    ending: str

    def cases(self, channel: int) -> list[tuple[str, Path, Path]]:
        """Name, image and mask of every labelled case, by name.

        Raises
        ------
        ConfigError
            Codes ``no-data``, ``data-missing`` (an image).
        """
        if channel >= len(self.channels):
            last = len(self.channels) - 1
            raise ConfigError(
                f"data.channel: {channel} is beyond the channels of dataset.json (0 to {last})", code="recipe-invalid"
            )
        masks = sorted((self.folder / "labelsTr").glob(f"*{self.ending}"))
        masks = [path for path in masks if not path.name.startswith(".")]
        if not masks:
            raise ConfigError(f"{self.folder}: labelsTr holds no file *{self.ending}; name the right --data", code="no-data")
        names = [path.name.removesuffix(self.ending) for path in masks]
        return [(name, self._image(name, channel), path) for name, path in zip(names, masks, strict=True)]

    def _image(self, name: str, channel: int) -> Path:
        images = self.folder / "imagesTr"
        plain = images / f"{name}{self.ending}"
        if len(self.channels) == 1 and plain.is_file():
            return plain
        return need(images / f"{name}_{channel:04d}{self.ending}", f"the image of {name}")


def read_layout(folder: Path) -> Layout:
    """Read and check ``dataset.json``.

    Raises
    ------
    ConfigError
        Codes ``data-missing``, ``data-undecodable``, ``data-invalid`` (labels that are regions, ignored or have gaps).
    """
    path = need(folder / "dataset.json", "nnU-Net's description of the data set")
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no readable JSON; correct it", code="data-undecodable") from error
    channels = document.get("channel_names") or document.get("modality") if isinstance(document, dict) else None
    if not isinstance(channels, Mapping) or not isinstance(document.get("labels"), Mapping):
        raise ConfigError(f"{path}: needs channel_names (or modality) and labels; correct it", code="data-invalid")
    ending = str(document.get("file_ending", ".nii.gz"))
    if ending not in _ENDINGS:
        raise ConfigError(
            f"{path}: file_ending {ending!r} isn't read; convert to one of {', '.join(_ENDINGS)}", code="data-invalid"
        )
    return Layout(
        folder,
        name=str(document.get("name") or folder.name),
        description=_text(document, "description"),
        licence=_text(document, "licence", "license"),
        reference=_text(document, "reference"),
        channels=tuple(str(channels[key]) for key in sorted(channels, key=_place)),
        labels=_labels(document["labels"], path),
        ending=ending,
    )


def _place(key: Any) -> int:
    return int(key) if str(key).isdecimal() else -1


def _text(document: Mapping[str, Any], *keys: str) -> str:
    found = [str(document[key]) for key in keys if document.get(key)]
    return " ".join(found[0].split()) if found else ""


def _labels(labels: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Names by rising value; version 1 maps values to names, version 2 names to values."""
    first = all(str(key).isdecimal() for key in labels)
    values = {int(key): str(value) for key, value in labels.items()} if first else {}
    for name, value in () if first else labels.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(f"{path}: label {name!r} is a region of several values; regions aren't read", code="data-invalid")
        if name == "ignore":
            raise ConfigError(f"{path}: labels have 'ignore'; areas that are to be ignored aren't supported", code="data-invalid")
        if value in values:
            raise ConfigError(f"{path}: {values[value]!r} and {name!r} are both label {value}; correct it", code="data-invalid")
        values[value] = str(name)
    if sorted(values) != list(range(len(values))) or len(values) < 2:
        raise ConfigError(f"{path}: labels must count 0 (background), 1, 2 … without a gap; correct it", code="data-invalid")
    return tuple(values[value] for value in sorted(values))[1:]
