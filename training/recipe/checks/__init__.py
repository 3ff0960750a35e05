"""What the sections of a recipe must agree on, and how a fault is told: key, fault, mend."""
