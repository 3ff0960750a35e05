"""Augmentation: random changes of an image and its target together, every draw from one generator."""
