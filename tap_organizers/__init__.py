"""Reads organizers, their events and everything below, from an API of pretix's shape."""
