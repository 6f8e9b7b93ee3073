"""Schema versions, oldest first; `database.migrate` brings a database to the newest."""
