"""Layers that detectors are put together from."""
