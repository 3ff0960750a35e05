"""Simple methods, learnt from the training part, that a network has to be clearly above."""
