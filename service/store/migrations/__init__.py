"""How the tables came about: one file a change, run in order by Alembic."""
