"""DICOM image Series with the SEG or RTSTRUCT that marks them, as cases on the Series' own grid."""

from __future__ import annotations

from training.data.sources.dicom.cases import dicom_entries

__all__ = ["dicom_entries"]
