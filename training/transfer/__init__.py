"""Starting from weights that exist."""
