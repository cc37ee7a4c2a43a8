"""An apply in the current folder that kills itself: `python -m tests.faults.killed MOMENT WHAT [NTH]`.

It is killed when it comes to the NTH point (by default the first) of that name, such as `after "call route
endpoint/credit"`, or `written "call create deployment/credit/blue" 2`, which is within the call, once it has written a
second file. One step is under way at a time.
"""

import os
import sys
import tempfile
from pathlib import Path

from reconciler import pipeline
from reconciler.workspace import open_workspace
from tests.faults.points import Points, watch


def main(moment: str, what: str, nth: str = "1") -> None:
    """Apply until then."""
    left = int(nth)

    def deadly(_number: int, name: str) -> bool:
        nonlocal left
        left -= name == f"{moment} {what}"
        return left == 0

    descriptor, passed = tempfile.mkstemp()
    os.close(descriptor)
    with Points(Path(passed), deadly) as points, open_workspace(None) as workspace:
        Path(passed).unlink()
        watch(workspace, points)
        pipeline.apply(workspace, pipeline.Wish(), pipeline.Manner(parallel=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.exit("it came to its end")
