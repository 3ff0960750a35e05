"""Who may open an association, for what, and which associations are open."""
