"""What `make bench` prints."""

from measuring import Cost
from table import Absent, Failed, Row, compared, printed


def test_each_row_has_its_value_or_the_reason_why_it_has_none() -> None:
    costs = [Cost(0.25, 0.5, 12)] * 3
    rows = [
        compared("plan", costs, ("git status", [Cost(0.125, 0.1)] * 3), goal=0.2),
        Row("each step", 2.5, "ms wall", goal=5),
        Row("the best over ours", 3.0, "x", goal=5, at_least=True),
        Absent("kapp", "in no package"),
        Failed("steps", "OSError: no space"),
    ]
    assert [" ".join(line.split()) for line in printed(rows).splitlines()[1:]] == [
        "plan 0.2 0.250 s CPU NO git status: 0.125 2.00 wall 0.50 s, 12 MB",
        "each step 5 2.500 ms wall yes",
        "the best over ours >= 5 3.000 x NO",
        "kapp absent: in no package",
        "steps: FAILED: OSError: no space",
    ]


def test_columns_stand_below_their_names() -> None:
    head, line = printed([Row("each step", 2.5, "ms wall", goal=5, peer="fsync: 1", ratio=2.0, note="x")]).splitlines()
    assert head.index("met") == line.index("yes")
    assert head.index("beside") == line.index("fsync")
    assert head.index("ratio") + len("ratio") == line.index("2.00") + len("2.00")
    assert head.index(" and") + 1 == line.index("x")
