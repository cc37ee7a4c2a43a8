"""What the disk says of files and folders, so that none is opened whose content is known."""
