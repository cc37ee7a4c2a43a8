raise SystemExit("a script is read, never run")


def init():
    pass
