"""The durable place of what was received, written by receivers and read by the indexer."""
