"""The commands, one file each; ``training.__main__`` imports them when they are called, since they bring torch."""
