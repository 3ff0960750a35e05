"""Model packages brought into a node and taken out of it by command."""
