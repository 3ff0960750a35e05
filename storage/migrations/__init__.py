"""Schema migrations, by alembic, run from the program itself (``Database.migrate``); there is no ini file."""
