"""Storage commitment as SCP: what requesters named is read again and compared, and they are told (PS3.4 J)."""
