"""What developers run now and then; none of it is installed."""
