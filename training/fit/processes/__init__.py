"""Several processes that fit one network."""
