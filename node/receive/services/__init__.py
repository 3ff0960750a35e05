"""What peers say by DIMSE-N: requests for storage commitment, procedure steps, availability. Each becomes a spool record."""
