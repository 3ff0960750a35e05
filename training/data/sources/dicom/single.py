"""A single DICOM image, such as an X-ray or an ultrasound frame, that a folder or table names like any other image file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.volume import assemble
from inference.volume.read import read_files
from storage.base.errors import ConfigError, InputError


def read_dicom_picture(path: Path) -> tuple[NDArray[np.float32], tuple[float, float] | None]:
    """Pixels float32 (1, J, I) as the node reads them, colour as luma, and the spacing between rows and columns in mm, if stated.

    Raises
    ------
    ConfigError
        The reader's code, naming the file.
    """
    try:
        volume = assemble(read_files([path]), spatial_dims=2, scale="unknown", colour="grey")
    except InputError as error:
        raise ConfigError(f"{path}: {error.message}", code=error.reason_code) from error
    i, j, _ = volume.spacing_ijk_mm
    stated = volume.positioned or (i, j) != (1.0, 1.0)
    return volume.voxels_kji, (j, i) if stated else None
