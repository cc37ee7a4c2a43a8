"""What is kept below `.mlops/cache`: rows of bytes under keys, in one file that may be deleted at any time."""
