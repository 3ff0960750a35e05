"""What both network paths ask: is this caller admitted, where does an instance go, how did an association end."""
