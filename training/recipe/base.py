"""What the parts of a recipe have in common: frozen, no unknown keys; and the word for what the plan decides."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Auto = Literal["auto"]
"""A value that ``training.plan`` derives from the data's fingerprint or the budget, once, and writes with its reason."""

PartName = Literal["train", "validate", "test"]


class Part(BaseModel):
    """A section of a recipe; YAML's .nan and .inf are no numbers here."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
