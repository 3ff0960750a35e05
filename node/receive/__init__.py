"""Storage SCP: admission, negotiation, the durable spool, the status table, and the indexer that turns spool into rows."""
