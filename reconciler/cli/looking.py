"""The commands that look: status, show."""

from typing import Annotated

from reconciler.cli import options as o
from reconciler.cli.answering import print_answer
from reconciler.cli.declaring import Argument, Option
from reconciler.cli.saying import put, say, warn
from reconciler.cli.wishes import address_of
from reconciler.render.values import json_text

AddressArgument = Annotated[str, Argument(metavar="ADDRESS", help="endpoint/NAME, deployment/ENDPOINT/NAME, …")]


def status(
    target: o.Target = None,
    report: Annotated[o.Findings, Option("--format", help="How to print it.")] = o.Findings.TEXT,
    check: Annotated[bool, Option("--check", help="Exit with 2 when an error budget is spent.")] = False,
) -> int:
    """Show what runs on a target.

    Endpoints with their address and, where they have an `slo:` in mlops.yaml, what is left of their error budgets;
    deployments with instances and traffic; the last run.

    \b
    Examples:
      mlops status -t prod
      mlops status --check
    """
    from reconciler.operate import show as operate  # noqa: PLC0415 - --help loads none of it
    from reconciler.render.status import spent_budgets, status_text, uncovered_windows  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        found = operate.status(workspace)
    if report is o.Findings.JSON:
        put(json_text(found))
    else:
        say(status_text(found))
    spent = spent_budgets(found) if check else []
    for each in [*spent, *(uncovered_windows(found) if check else ())]:
        warn(f"mlops: {each}")
    return 2 if spent else 0


def show(
    address: AddressArgument, target: o.Target = None, query: o.Query = "", output: o.OutputOption = o.Output.JSON
) -> None:
    """Show one resource as it is live.

    Fields have Azure's names; secrets are shown as numbers.

    \b
    Examples:
      mlops show endpoint/credit
      mlops show endpoint/credit --query scoring_uri -o tsv
    """
    from reconciler.operate.show import shown  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        print_answer(shown(workspace, address_of(address)), query, output)
