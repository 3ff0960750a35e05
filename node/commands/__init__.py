"""The commands of `wetread`, a module per subject; each function parses, calls one thing and prints."""
