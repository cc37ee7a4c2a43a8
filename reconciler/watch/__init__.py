"""The pull side: a branch of a remote is kept applied, under guards that the operator sets and nobody who pushes."""
