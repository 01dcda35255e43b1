"""The programs that are measured; each runs in an environment of its own and imports nothing of this project.

Each takes the path of a JSON file: `kind` (organizers, ticketing), `api_url`, `streams`, `schemas`, and more.
"""
