"""Rows of bytes under keys, in one file of SQLite that may be deleted at any time, and how values become rows."""
