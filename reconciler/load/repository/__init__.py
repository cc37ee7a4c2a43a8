"""What git says of a checkout and its revisions; every call of git is here."""
