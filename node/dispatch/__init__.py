"""Claims jobs, hands them to model hosts, renews their leases and turns outcomes into rows."""
