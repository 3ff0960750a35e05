"""What a C-STORE does: check, keep, answer. Knows bytes and the spool, nothing of the network library."""
