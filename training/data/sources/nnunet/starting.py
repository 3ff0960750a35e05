"""A recipe to start from, out of nnU-Net's description of a data set.

The user is to name persons, codes and licence; the plan decides the rest.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from storage.base.errors import ConfigError
from training.data.sources.nnunet.layout import Layout, read_layout
from training.recipe import Recipe

_ANATOMY = {"value": "91723000", "scheme": "SCT", "meaning": "Anatomical Structure"}
_FAMILY = {"value": "123110", "scheme": "DCM", "meaning": "Artificial Intelligence"}
_SHARES = {"train": 0.7, "validate": 0.1, "test": 0.2}
_MODALITIES = (
    ("ct", "CT"),
    ("mr", "MR"),
    ("t1", "MR"),
    ("t2", "MR"),
    ("flair", "MR"),
    ("pet", "PT"),
    ("us", "US"),
    ("xray", "DX"),
)
_HEAD = """\
# Made from nnU-Net's dataset.json of {name}. Before the weights leave the house:
# - data.group: say which cases are of one person. Until then each case counts as its own, and a person may be in two parts.
# - package.labels: give each label the code of what it marks; all have the code of any anatomical structure now.
# - package.weights_licence: what the data's terms ask of weights that learnt from them.
# Trained by: wetread train THIS_FILE --data {folder}
"""


def starting_recipe(folder: Path) -> str:
    """YAML of a recipe that is valid as it stands: labels, a drawn split, and ``auto`` for what the plan decides.

    Raises
    ------
    ConfigError
        Codes of ``read_layout`` and ``no-data``; ``recipe-invalid`` where the names don't fit into a recipe.
    """
    layout = read_layout(folder)
    cases = layout.cases(0)
    document = {
        "format": 2,
        "seed": 1,
        "data": _data(layout, len(cases)),
        "fit": {"steps": "auto", "batch": "auto", "patch": "auto", "learning_rate": 0.002},
        "budget": {"seconds": 900},
        "limits": ["Its labels' codes, its licence and the persons behind the cases have not been stated yet."],
        "package": _package(layout),
    }
    try:
        Recipe.model_validate(document)
    except ValueError as error:
        raise ConfigError(
            f"{folder}: its dataset.json gives no valid recipe ({error}); correct it", code="recipe-invalid"
        ) from error
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return _HEAD.format(name=_line(layout.name), folder=_line(str(folder))) + text


def _data(layout: Layout, cases: int) -> dict[str, Any]:
    told = [layout.description, layout.reference, f"Licence as stated: {layout.licence or 'none'}", f"{cases} labelled cases"]
    return {
        "kind": "nnunet",
        "channel": 0,
        "group": {"by": "each", "means": "case"},
        "split": {"kind": "drawn", "shares": dict(_SHARES), "seed": 1},
        "duplicates": {"treat": "fail"},
        "statement": f"{layout.name}: {'. '.join(part.rstrip('.') for part in told if part)}.",
    }


def _package(layout: Layout) -> dict[str, Any]:
    dims = 2 if layout.ending == ".png" else 3
    return {
        "name": _slug(layout.name),
        "version": "0.1.0",
        "title": layout.name[:40],
        "task": "segmentation",
        "intended_use": f"Not for clinical use. Marks {', '.join(layout.labels)}.",
        "clinical_use": False,
        "licence": layout.licence or "not stated",
        "weights_licence": layout.licence or "not stated",
        "attribution": layout.reference,
        "family": dict(_FAMILY),
        "inputs": [{"name": "image", "modality": _modality(layout.channels[0], dims), "spatial_dims": dims}],
        "grid": {"spacing_mm": "auto", "patch": "auto", "overlap": 0.5, "minimum_multiple": "auto"},
        "intensity": "auto",
        "network": {"name": "unet", "arguments": "auto"},
        "labels": [
            {"value": value, "name": name[:64], "category": dict(_ANATOMY), "type": dict(_ANATOMY)}
            for value, name in enumerate(layout.labels, 1)
        ],
    }


def _modality(channel: str, dims: int) -> list[str]:
    """DICOM's word for a channel's free text; where there is none, what such data mostly are."""
    told = re.sub(r"[^a-z0-9]", "", channel.lower())
    return [next((word for start, word in _MODALITIES if told.startswith(start)), "US" if dims == 2 else "MR")]


def _slug(name: str) -> str:
    """Lower-case letters, digits and hyphens, 40 at most, without nnU-Net's number."""
    plain = re.sub(r"^Dataset\d+_|^Task\d+_", "", name)
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40].rstrip("-") or "imported"


def _line(text: str) -> str:
    return " ".join(text.split())
