"""Runs: from a recipe to a measured package."""
