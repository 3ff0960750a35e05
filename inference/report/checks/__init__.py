"""What every DICOM result must pass, read back as stored, before any is released."""
