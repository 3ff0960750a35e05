"""From the spool to blobs and rows."""
