"""The figures of a run on disk, and copies of them for viewers."""
