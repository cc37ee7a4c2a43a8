"""What writes an answer in each form: a form is a line in a table, and a choice of `--format` in `options.py`."""

from reconciler.cli.finding_forms import DRIFT, FAILED, VALIDATE
from reconciler.cli.form import COMMENT, SUMMARY, Forms
from reconciler.cli.plan_forms import APPLY, PLAN, ROLLBACK, ROLLBACK_PLAN

__all__ = [
    "APPLY",
    "COMMENT",
    "DRIFT",
    "FAILED",
    "PLAN",
    "ROLLBACK",
    "ROLLBACK_PLAN",
    "SUMMARY",
    "VALIDATE",
    "Forms",
]
