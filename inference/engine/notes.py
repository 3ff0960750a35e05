"""What a reader of a result must know of the inputs that it was computed from, in words."""

from __future__ import annotations

from inference.manifest import Manifest
from inference.pipeline import Prepared

WHOLE = 0.95
"""An input that shows at least this share of the reference's grid is not worth a word."""


def input_notes(manifest: Manifest, prepared: Prepared) -> tuple[str, ...]:
    """A sentence for each input that was missing or shows a part of the reference's grid only."""
    notes = []
    for wanted, share in zip(manifest.inputs, prepared.covered, strict=True):
        if share == 0:
            notes.append(f"Input {wanted.name} ({' or '.join(wanted.modality)}) was missing: the model ran without it")
        elif share < WHOLE:
            notes.append(f"Input {wanted.name} shows {share:.0%} of the volume of {manifest.reference_input.name}")
    return tuple(notes)
