"""One file a revision, in order. A revision that has been released never changes."""
