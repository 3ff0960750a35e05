"""`wetread demo`: the whole line once, with a temporary store, free ports and a PACS beside it."""
