"""Options that several commands share, each said once."""

from enum import StrEnum
from typing import Annotated

from reconciler.cli.declaring import Argument, Option, misread


def finite(seconds: float) -> float:
    """A time that can be waited for: `nan` is not less than any."""
    from math import isfinite  # noqa: PLC0415 - most commands wait for nothing

    if not isfinite(seconds):
        raise misread(f"{seconds} is no number of seconds.")
    return seconds


Paths = Annotated[
    list[str] | None,
    Argument(
        metavar="[PATH]...",
        help="Folder, file or REV:PATH; by default the folder that mlops.yaml names. A folder is all that is wanted, "
        "so what it no longer holds is deleted; a file is only itself.",
        show_default=False,
    ),
]
Target = Annotated[str | None, Option("--target -t", help="Target of mlops.yaml; by default the default one.")]
Variables = Annotated[
    list[str] | None, Option("--var", metavar="NAME=VALUE", help="What replaces {{NAME}} in the files.")
]
Overrides = Annotated[
    list[str] | None,
    Option("--set", metavar="ADDRESS.FIELD=VALUE", help="Give a field of a resource another value."),
]
Name = Annotated[str, Option("--name -n", help="Name of the resource, for a single file; wins over the file.")]
EndpointName = Annotated[
    str,
    Option("--endpoint-name -e", help="Endpoint of the deployment, for a single file; wins over the file."),
]
Only = Annotated[list[str] | None, Option("--only", metavar="ADDRESS", help="Only this resource, and what it needs.")]
Refresh = Annotated[
    bool, Option("--refresh/--no-refresh", help="Look at the live side first, and plan from what is there.")
]
MinimalRefresh = Annotated[
    bool, Option("--minimal-refresh", help="Look at the live side of what the plan touches, and of no more.")
]
Offline = Annotated[
    bool,
    Option("--offline", envvar="MLOPS_OFFLINE", help="Open no connection: compare with the record alone."),
]
MaxDelete = Annotated[
    int | None,
    Option("--max-delete", metavar="N", min=0, help="Refuse to delete more; by default the larger of 5 and 20 %."),
]
AllowEmpty = Annotated[bool, Option("--allow-empty", help="Accept that the manifests define nothing at all.")]
Policies = Annotated[
    str,
    Option(
        "--policies",
        metavar="PATH",
        envvar="MLOPS_POLICIES",
        help="Take policies from here, a folder or REV:PATH, in place of the checkout's own.",
    ),
]
Blame = Annotated[bool, Option("--blame/--no-blame", help="Ask git who last wrote what the fields come from.")]
Cached = Annotated[
    bool,
    Option("--cache/--no-cache", help="Use what is known from earlier runs, and keep what is learnt for later."),
]
Git = Annotated[
    bool, Option("--git/--no-git", help="In a large checkout, ask git which files changed, not the disk of each.")
]
RequireClean = Annotated[bool, Option("--require-clean", help="Refuse to apply what is in no commit.")]
AutoApprove = Annotated[bool, Option("--auto-approve --yes -y", help="Do not ask.")]
Parallel = Annotated[int, Option("--parallel", metavar="N", min=1, max=64, help="Steps that run at once.")]
LockTimeout = Annotated[
    float,
    Option(
        "--lock-timeout", metavar="SECONDS", min=0, callback=finite, help="How long to wait for another run to end."
    ),
]
StepTimeout = Annotated[
    float,
    Option(
        "--step-timeout",
        metavar="SECONDS",
        min=1,
        callback=finite,
        help="How long a step may take before it is left behind.",
    ),
]
DetailedExitcode = Annotated[bool, Option("--detailed-exitcode", help="Exit with 2 when there is something to report.")]
Query = Annotated[str, Option("--query", metavar="JMESPATH", help="The part of the answer to print.")]


class Report(StrEnum):
    """How a plan, or what an apply did, is printed; of an apply all but text comes in one piece at its end."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    PROMETHEUS = "prometheus"


class DriftReport(StrEnum):
    """How a drift report is printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    SARIF = "sarif"
    PROMETHEUS = "prometheus"


class Verdict(StrEnum):
    """How a validation is printed; `github` is commands to the runner of a job, which shows problems at their lines."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


class Findings(StrEnum):
    """How a status is printed."""

    TEXT = "text"
    JSON = "json"


class Output(StrEnum):
    """How an answer is printed, as the Azure CLI has it."""

    JSON = "json"
    YAML = "yaml"
    TABLE = "table"
    TSV = "tsv"


class Key(StrEnum):
    """The keys of an endpoint."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


Format = Annotated[Report, Option("--format", help="How to print it.")]
DriftFormat = Annotated[DriftReport, Option("--format", help="How to print it.")]
VerdictFormat = Annotated[Verdict, Option("--format", help="How to print it.")]
Written = Annotated[
    list[str] | None,
    Option(
        "--report",
        metavar="FORM=FILE",
        help="Also write it into a file, in any form of --format; as `summary` it is added to what GITHUB_STEP_SUMMARY "
        "names, as `prometheus` to the metrics that other runs wrote there. May be given several times.",
    ),
]
OutputOption = Annotated[Output, Option("--output -o", help="How to print it.")]
