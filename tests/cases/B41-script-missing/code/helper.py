"""Not the script."""
