"""The receiver's processes: workers that share one listening socket, and the process that keeps them running."""
