"""The training loop and its state on disk."""
