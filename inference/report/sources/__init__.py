"""The source Series as results need it: its headers mended where a value is illegal, its images in the order of the volume."""
