"""Runs a model package: loading, the network over a volume, the model host process."""
