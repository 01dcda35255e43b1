"""The demo: the sandbox's data, loaded into DuckDB by Meltano, and a look at it."""
