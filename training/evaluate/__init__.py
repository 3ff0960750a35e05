"""What a package is worth: figures, intervals and pictures, on cases that it never saw."""
