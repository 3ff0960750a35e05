"""What people look at: the report's page with its charts, pictures and words."""
