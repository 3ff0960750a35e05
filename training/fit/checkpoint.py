"""A run's state on disk: replaced whole or not at all, and read without executing code."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError  # noqa: TID251 - the name of an error; nothing is unpickled
from typing import Any

import torch

from storage.base.errors import ConfigError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``path``; a kill on the way leaves the former checkpoint."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def load_checkpoint(path: Path, like: dict[str, Any]) -> dict[str, Any]:
    """Read a checkpoint whose network has the tensors of ``like``.

    Raises
    ------
    ConfigError
        Code ``checkpoint-invalid``: damaged, or of a run with another network.
    """
    mend = "remove the file to begin anew"
    try:
        state = torch.load(path, weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError) as error:
        raise ConfigError(f"{path}: no readable checkpoint; {mend}", code="checkpoint-invalid") from error
    if not isinstance(state, dict) or state.keys() != like.keys() or _shapes(state) != _shapes(like):
        raise ConfigError(f"{path}: the checkpoint of another recipe; {mend}", code="checkpoint-invalid")
    return state


def _shapes(state: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state["network"].items()}
