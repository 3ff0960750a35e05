"""The rules: read (`document`), checked (`compile`), held against the values of a Series (`values`, `judge`)."""
