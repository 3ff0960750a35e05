"""From weights to a package that the node serves."""
