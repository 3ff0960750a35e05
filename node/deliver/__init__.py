"""Outbound work: result objects go to their destinations by C-STORE, at least once sent and exactly once held there."""
