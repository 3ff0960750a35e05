"""Plain figures of arrays: overlaps, distances, rankings, calibration, intervals. They know no package and no file."""
