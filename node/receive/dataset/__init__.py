"""A received data set as bytes: its encoding, its structure, its identity and its header. Knows no network and no spool."""
