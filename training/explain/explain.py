"""Explains what a package says of one case, on the model's grid, as a map and as a picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inference.engine.package import LoadedModel
from inference.pipeline import prepare
from storage.base.errors import ConfigError
from training.data.case import Case
from training.explain.gradcam import Map, grad_cam
from training.explain.occlusion import occlusion_map
from training.explain.sanity import Method, Sanity, sanity_test

MethodName = Literal["grad-cam", "occlusion"]
METHODS: dict[MethodName, Method] = {"grad-cam": grad_cam, "occlusion": occlusion_map}
HEAT = (230, 97, 1)
"""Orange on grey: told from it by everybody."""

_SIDE = 288


@dataclass(frozen=True, eq=False)
class Explanation:
    """The map of class ``value`` and the image that it belongs to, both (*spatial) on the model's grid."""

    method: MethodName
    value: int
    map: Map
    image: NDArray[np.float32]

    def png(self) -> bytes:
        """Image beside image with map; of a volume the slice (along k) where the map is strongest."""
        k = int(self.map.max(axis=(1, 2)).argmax()) if self.map.ndim == 3 else None
        image, heat = (self.image, self.map) if k is None else (self.image[k], self.map[k])
        low, high = np.percentile(image, [1, 99])
        grey = np.clip((image - low) / max(float(high - low), 1e-9), 0, 1)[..., None].repeat(3, axis=2)
        over = grey + heat[..., None] * 0.7 * (np.array(HEAT) / 255 - grey)
        both = (np.concatenate([grey, over], axis=1) * 255).round().astype(np.uint8)
        factor = max(1, round(_SIDE / max(image.shape)))
        stream = io.BytesIO()
        Image.fromarray(both.repeat(factor, axis=0).repeat(factor, axis=1)).save(stream, "PNG")
        return stream.getvalue()


def explain(model: LoadedModel, case: Case, method: MethodName = "grad-cam", value: int | None = None) -> Explanation:
    """The mean map over the package's networks.

    Parameters
    ----------
    value : the class or label; by default the most probable class, of a segmentation label 1.

    Raises
    ------
    ConfigError
        Code ``explain-unsupported``: occlusion was asked of a segmentation, or anything of several tasks or inputs at once.
    """
    if model.manifest.task == "multitask" or len(model.manifest.inputs) > 1:
        message = "maps explain packages of one task and one input; evaluate this one without --explain"
        raise ConfigError(message, code="explain-unsupported")
    if method == "occlusion" and model.manifest.task != "classification":
        message = "occlusion explains classifiers; ask grad-cam of a segmentation"
        raise ConfigError(message, code="explain-unsupported")
    image = prepare(case.voxels_kji, case.affine_lps_mm, model.manifest).image
    chosen = _default_value(model, image) if value is None else value
    fitting, inner = _padded(image, model.manifest.grid.minimum_multiple)
    maps = [METHODS[method](network, fitting, chosen)[inner] for network in model.networks]
    return Explanation(method, chosen, np.mean(maps, axis=0, dtype=np.float32), image[0].numpy())


def sanity_of(model: LoadedModel, cases: list[Case], method: MethodName = "grad-cam") -> Sanity:
    """Whether the method's maps depend on the weights of the package's first network; eight cases are enough."""
    images = []
    for case in cases:
        image = prepare(case.voxels_kji, case.affine_lps_mm, model.manifest).image
        images.append((_padded(image, model.manifest.grid.minimum_multiple)[0], _default_value(model, image)))
    return sanity_test(METHODS[method], model.network, images)


def _default_value(model: LoadedModel, image: Tensor) -> int:
    if model.manifest.task == "segmentation":
        return 1
    with torch.inference_mode():
        return int(model.network(image[None])[0].argmax())


def _padded(image: Tensor, multiple: int) -> tuple[Tensor, tuple[slice, ...]]:
    """Zeros after the end of each axis up to a multiple, and where the image lies in it."""
    size = image.shape[1:]
    after = [-n % multiple for n in size]
    return F.pad(image, [width for n in reversed(after) for width in (0, n)]), tuple(slice(0, n) for n in size)
