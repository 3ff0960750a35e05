"""Arithmetic of boxes, on tensors alone: no layer, no weights."""
