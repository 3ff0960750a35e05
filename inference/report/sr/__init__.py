"""The Structured Report (PS3.16 TID 1500), one module for the measurement groups of each task, and reading one back."""
