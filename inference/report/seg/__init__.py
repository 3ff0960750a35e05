"""The Segmentation object (PS3.3 A.51), and reading one back."""
