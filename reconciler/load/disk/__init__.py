"""What the disk says of files and folders, and digests of what they hold: what looks as it did is not read again."""
