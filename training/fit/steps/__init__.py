"""One optimiser step: what it draws, how the network is shared, and what it leaves behind."""
