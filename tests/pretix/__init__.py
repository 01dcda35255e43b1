"""Tests against a real pretix server, which they install, fill and stop themselves."""
