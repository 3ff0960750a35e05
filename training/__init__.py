"""Offline: from labelled data to a model package that the node serves."""
