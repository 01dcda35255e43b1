"""Reads events, attendees and tickets from an event API behind a login (Oveit's shape)."""
