"""A case brought to the model's grid by the node's own code, so that training and serving can't drift apart."""

from __future__ import annotations

import torch
from torch import Tensor

from inference.manifest import Manifest
from inference.pipeline import prepare_inputs
from inference.pipeline.prepare import prepare, prepare_instances, prepare_labels
from storage.base.errors import ConfigError, InputError
from training.data.case import Case, GridCase
from training.data.inputs import inputs_of
from training.recipe import Recipe


def grid_case(case: Case, recipe: Recipe) -> GridCase:
    """Bring a case to the model's grid exactly as the node does: a colour image plane by plane, several inputs together.

    Raises
    ------
    ConfigError
        Codes of the node's refusals, naming the case: of several inputs one is missing, or shows nothing of the reference.
    """
    manifest = recipe.manifest()
    target, instances = None, None
    if case.labels_kji is not None:
        target = torch.from_numpy(prepare_labels(case.labels_kji, case.affine_lps_mm, manifest, recipe.classes))
    if case.instances_kji is not None:
        count = len(case.instance_labels)
        instances = torch.from_numpy(prepare_instances(case.instances_kji, case.affine_lps_mm, manifest, count))
    image, present = _image(case, manifest)
    return GridCase(case.name, image, target, case.class_index, instances, case.instance_labels, present)


def _image(case: Case, manifest: Manifest) -> tuple[Tensor, Tensor]:
    """The image, and which of the inputs there are."""
    if len(manifest.inputs) == 1:
        planes = [prepare(plane, case.affine_lps_mm, manifest) for plane in case.voxels_ckji]
        return torch.cat([plane.image for plane in planes]), planes[0].present
    try:
        prepared = prepare_inputs(inputs_of(case, manifest), manifest)
    except InputError as error:
        raise ConfigError(f"{case.name}: {error.message}", code=error.reason_code) from error
    return prepared.image, prepared.present
