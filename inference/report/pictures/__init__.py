"""Pictures for people: the overlay of each task, and one drawn from finished results."""
