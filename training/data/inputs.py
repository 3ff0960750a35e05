"""A case's images by the names of the package's inputs, for the node's own code to bring to the model's grid."""

from __future__ import annotations

from inference.manifest import Manifest
from inference.pipeline import Placed
from training.data.case import Case, Series


def inputs_of(case: Case, manifest: Manifest) -> dict[str, Placed]:
    """What ``inference.pipeline.prepare_inputs`` takes: the reference, and those of the further inputs that the case has."""
    first = Series(case.voxels_kji, case.affine_lps_mm)
    further = {wanted.name: case.further[wanted.name] for wanted in manifest.further_inputs if wanted.name in case.further}
    return {manifest.reference_input.name: first, **further}
