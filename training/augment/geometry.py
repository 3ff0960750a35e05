"""The map between a patch and the case it was taken from: for points, boxes and affines that must follow the image.

Points are voxel indices in array order ([k,] j, i), whole numbers at the voxels' centres. A box is ([k,] j, i) of its lower
corner, then of its upper one, along the voxels' outer faces: the single voxel n is the box from n - 0.5 to n + 0.5.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Matrix = NDArray[np.float64]

_ROUNDS = 60


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where each voxel of a patch lies in its source: ``matrix @ (patch index, 1)``, plus the elastic displacement.

    Attributes
    ----------
    source, patch : sizes in voxels, in array order.
    matrix : float64 (dims + 1, dims + 1), patch index to source index. An array, as tensors this small are slow.
    nodes : float32 (dims, *nodes), displacement in source voxels at nodes spread over the patch from its first voxel to its
        last, linear between them; None for none.
    """

    source: tuple[int, ...]
    patch: tuple[int, ...]
    matrix: Matrix
    nodes: Tensor | None = None

    @property
    def linear(self) -> Matrix:
        """The matrix without its translation (dims, dims)."""
        return self.matrix[:-1, :-1]

    @property
    def offset(self) -> Matrix:
        """Where the patch's first voxel lies (dims,), but for elastic displacement."""
        return self.matrix[:-1, -1]

    @property
    def centre(self) -> Matrix:
        """Where the patch's middle lies (dims,), but for elastic displacement."""
        centre: Matrix = self.linear @ ((np.array(self.patch) - 1) / 2) + self.offset
        return centre

    @property
    def exact(self) -> bool:
        """Whether voxels are only moved by whole numbers and mirrored, so that nothing is interpolated."""
        if self.nodes is not None or not is_upright(self.linear):
            return False
        return all(place.is_integer() for place in self.offset.tolist())

    def to_source(self, points: Tensor) -> Tensor:
        """Where points (n, dims) of the patch lie in the source; outside the patch the displacement at its border holds."""
        moved: Tensor = self._affine(points.double()) + self._displacement(points.double())
        return moved

    def to_patch(self, points: Tensor) -> Tensor:
        """Where points (n, dims) of the source lie in the patch.

        By fixed-point iteration where it is elastic, which finds the one place there is as long as nothing is folded over.
        """
        back = torch.from_numpy(np.linalg.inv(self.linear))
        wanted = points.double() - torch.from_numpy(self.offset.copy())
        found = wanted @ back.T
        for _ in range(_ROUNDS if self.nodes is not None else 0):
            found = (wanted - self._displacement(found)) @ back.T
        return found

    def boxes_to_patch(self, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes (n, 2 dims) of the source as boxes of the patch.

        Returns
        -------
        The smallest boxes around the moved ones, cut off at the patch's border, and which share of each moved box is left (n,).
        Tight after crops, shifts, mirroring and scaling. After turns the moved mask's own box is tighter; after elastic changes
        that box is to be taken, as only corners are moved here.
        """
        dims = len(self.patch)
        corners = torch.stack([boxes[:, [axis + dims * end for axis, end in enumerate(ends)]] for ends in self._ends()], dim=1)
        moved = self.to_patch(corners.reshape(-1, dims)).view(-1, 2**dims, dims)
        low, high = moved.amin(1), moved.amax(1)
        size = torch.tensor(self.patch, dtype=torch.float64)
        seen_low, seen_high = (edge.clamp_min(-0.5).minimum(size - 0.5) for edge in (low, high))
        share = (seen_high - seen_low).prod(1) / (high - low).prod(1).clamp_min(1e-12)
        return torch.cat([seen_low, seen_high], dim=1), share

    def affine(self, source_affine: Tensor) -> Tensor:
        """The patch's affine (4, 4), index (i, j, k, 1) to millimetres, from that of the source. Without the elastic part."""
        dims = len(self.patch)
        order = [*range(dims - 1, -1, -1), dims]
        places = [*range(dims), 3]
        whole = np.eye(4)
        whole[np.ix_(places, places)] = self.matrix[np.ix_(order, order)]
        return source_affine.double() @ torch.from_numpy(whole)

    def _ends(self) -> list[tuple[int, ...]]:
        return list(itertools.product((0, 1), repeat=len(self.patch)))

    def _affine(self, points: Tensor) -> Tensor:
        return points @ torch.from_numpy(self.linear.T.copy()) + torch.from_numpy(self.offset.copy())

    def _displacement(self, points: Tensor) -> Tensor:
        if self.nodes is None:
            return torch.zeros_like(points)
        dims = len(self.patch)
        last = torch.tensor([max(1, n - 1) for n in self.patch], dtype=torch.float64)
        place = (2 * points / last - 1).flip(-1).view(1, *[1] * (dims - 1), -1, dims)
        moved = F.grid_sample(self.nodes.double()[None], place, mode="bilinear", padding_mode="border", align_corners=True)
        return moved.view(dims, -1).T


def is_upright(linear: Matrix) -> bool:
    """Whether a matrix (dims, dims) is the identity but for the signs of its diagonal."""
    rows = linear.tolist()
    return all(abs(value) == (n == m) for n, row in enumerate(rows) for m, value in enumerate(row))
