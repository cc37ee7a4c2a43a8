"""The platforms that a target can name, one file each; a folder-free registry finds them by entry point."""
