"""Runs the command that it is given, and writes into a file what that took and how it ended.

The kernel begins the peak memory of a program at what the process had that starts it. So each is started by a process
of its own, which holds next to nothing, and not by the one that has made the folders and keeps the results.
"""

import os
import signal
import sys
import time

# As whoever starts a program anew leaves them to it; Python itself ignores both.
DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ)


def main() -> None:
    """`launching.py FILE [NAME=VALUE]... -- PROGRAM [ARGUMENT]...`; FILE gets CPU, wall, peak memory and exit code.

    What the program has in its environment besides, such as libraries of its own, is not for this Python.
    """
    file, *words = sys.argv[1:]
    end = words.index("--")
    environ, argv = {**os.environ, **dict(word.split("=", 1) for word in words[:end])}, words[end + 1 :]
    began = time.perf_counter()
    try:
        process = os.posix_spawnp(argv[0], argv, environ, setsigdef=DEFAULTS)
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - began
    with open(file, "w", encoding="ascii") as stream:  # noqa: PTH123 - pathlib is a megabyte
        code = os.waitstatus_to_exitcode(status)
        print(used.ru_utime + used.ru_stime, wall, used.ru_maxrss, code, file=stream)


if __name__ == "__main__":
    main()
