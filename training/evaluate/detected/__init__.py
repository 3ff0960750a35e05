"""A detector's package under evaluation: cases to records, records to figures, thresholds, baselines, pictures."""
