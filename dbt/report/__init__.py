"""One HTML file of what the marts say, for people who would rather look than read."""
