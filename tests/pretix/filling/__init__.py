"""What fill.py fills a pretix with; all of it run by pretix's interpreter."""
