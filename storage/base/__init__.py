"""What every other module may use: errors, clocks, UIDs, logging."""
