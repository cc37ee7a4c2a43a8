"""What git says of a checkout, its revisions and its remotes; every call of git is here."""
