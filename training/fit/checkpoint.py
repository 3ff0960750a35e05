"""A run's state on disk: replaced whole or not at all, read without executing code, and bound to its recipe and cases."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch

from storage.base.errors import ConfigError, TransientError
from training.data import GridCase
from training.recipe import Recipe

FORMAT = 2
_NOT_OF_THE_WEIGHTS = {"floor": True, "limits": True, "evaluation": True, "budget": True, "fit": {"checkpoint_every"}}
_OF_THE_WEIGHTS = ("name", "task", "grid", "intensity", "network", "labels")
"""Keys of ``package`` that a checkpoint depends on; the others are texts and terms, which may be mended on the way."""


def recipe_text(recipe: Recipe) -> str:
    """What of a planned recipe decides the weights, as canonical JSON."""
    document = recipe.model_dump(mode="json", by_alias=True, exclude=_NOT_OF_THE_WEIGHTS)  # type: ignore[arg-type]
    document["data"].pop("statement", None)
    keys = _OF_THE_WEIGHTS if len(document["package"]["inputs"]) == 1 else (*_OF_THE_WEIGHTS, "inputs", "reference")
    document["package"] = {key: document["package"].get(key) for key in keys}
    return json.dumps(document, sort_keys=True)


def cases_digest(cases: Sequence[GridCase]) -> str:
    """SHA-256 over names, sizes and classes of the training cases in their order; empty for no cases."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(json.dumps([case.name, list(case.image.shape), case.class_index]).encode())
    return digest.hexdigest() if cases else ""


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``path``; a kill or a loss of power on the way leaves the former checkpoint.

    Raises
    ------
    TransientError
        Code ``checkpoint-unwritable``: the disk is full or can't be written; the former checkpoint is as it was.
    """
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        what = f"the checkpoint of step {state['step']} can't be written ({_reason(error)})"
        message = f"{path}: {what}; make room and start the run again"
        raise TransientError(message, code="checkpoint-unwritable") from error


def _reason(error: BaseException) -> str:
    """What the system said; torch answers a failed write with an error of its own, behind which it stands."""
    found: BaseException | None = error
    while found is not None and not isinstance(found, OSError):
        found = found.__cause__ or found.__context__
    return str(found.strerror or found) if found is not None else str(error)


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_checkpoint(path: Path, like: dict[str, Any]) -> dict[str, Any]:
    """Read a checkpoint of the run whose state is ``like``: the same recipe, and the same cases where ``like`` knows any.

    Raises
    ------
    ConfigError
        Code ``checkpoint-invalid``: damaged, or of another recipe (the key that differs is named), or of other cases.
    """
    state = _read(path)
    mend = "name another --out, or remove the file to begin anew"
    if state["recipe"] != like["recipe"]:
        key, was, is_now = _difference(json.loads(state["recipe"]), json.loads(like["recipe"]))
        message = f"{path}: the checkpoint of another recipe ({key} was {was}, is {is_now}); {mend}"
        raise ConfigError(message, code="checkpoint-invalid")
    if like["cases"] and state["cases"] != like["cases"]:
        raise ConfigError(f"{path}: the checkpoint of a run on other cases; {mend}", code="checkpoint-invalid")
    return state


def _read(path: Path) -> dict[str, Any]:
    mend = "remove the file to begin anew"
    try:
        with ZipFile(path) as archive:  # torch reads damaged numbers without a word: its reader skips their checksums
            whole = archive.testzip() is None
        state = torch.load(path, weights_only=True, map_location="cpu") if whole else None
    except Exception as error:  # damaged bytes raise whatever the reader stumbles over: nine kinds were seen
        raise ConfigError(f"{path}: no readable checkpoint; {mend}", code="checkpoint-invalid") from error
    if not whole:
        raise ConfigError(f"{path}: the checkpoint is damaged (checksum); {mend}", code="checkpoint-invalid")
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise ConfigError(f"{path}: no checkpoint of this version; {mend}", code="checkpoint-invalid")
    return state


def _difference(was: Any, now: Any, key: str = "") -> tuple[str, Any, Any]:
    """The first key whose values differ, and both values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted(was.keys() | now.keys()):
            if was.get(name) != now.get(name):
                return _difference(was.get(name), now.get(name), f"{key}.{name}" if key else name)
    return key, was, now
