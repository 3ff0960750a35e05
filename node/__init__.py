"""Talks to the outside and decides. Holds no torch, no monai, no highdicom."""
