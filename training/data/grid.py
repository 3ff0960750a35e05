"""A case brought to the model's grid by the node's own code, so that training and serving can't drift apart."""

from __future__ import annotations

import torch

from inference.pipeline.prepare import prepare, prepare_instances, prepare_labels
from training.data.case import Case, GridCase
from training.recipe import Recipe


def grid_case(case: Case, recipe: Recipe) -> GridCase:
    """Bring a case to the model's grid exactly as the node does, channel by channel."""
    manifest = recipe.manifest()
    channels = [prepare(channel, case.affine_lps_mm, manifest).image for channel in case.voxels_ckji]
    target, instances = None, None
    if case.labels_kji is not None:
        target = torch.from_numpy(prepare_labels(case.labels_kji, case.affine_lps_mm, manifest, recipe.classes))
    if case.instances_kji is not None:
        count = len(case.instance_labels)
        instances = torch.from_numpy(prepare_instances(case.instances_kji, case.affine_lps_mm, manifest, count))
    return GridCase(case.name, torch.cat(channels), target, case.class_index, instances, case.instance_labels)
