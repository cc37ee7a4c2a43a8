"""What is committed: no secret, and workflows that a pull request cannot turn against us."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.plugins import initialize

ROOT = Path(__file__).parents[1]
# Detectors of secrets with a form of their own; what is told by its entropy would be every digest of a golden file.
DETECTORS = (
    *(
        "ArtifactoryDetector",
        "AWSKeyDetector",
        "AzureStorageKeyDetector",
        "CloudantDetector",
        "DiscordBotTokenDetector",
    ),
    *("GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector", "MailchimpDetector", "NpmDetector"),
    *("OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector"),
    *("SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector"),
)
# Files whose secrets are made up, each with what they are for.
MADE_UP = {
    "tests/cases/B53-literal-secret/blue.yml": "the manifest that is refused for it",
}
# Hashes of packages, which some form of a token fits by chance.
LOCKS = re.compile(r"requirements.*\.lock$")


def tracked() -> list[str]:
    """The files of the repository; without git's folder, as in an archive, there is nothing to be committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git repository")
    # Whoever owns the checkout, as CI may be somebody else.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@cache
def detectors() -> list[Any]:
    return [initialize.from_plugin_classname(name) for name in DETECTORS]


def secrets_in(file: Path) -> Iterator[str]:
    """What detect-secrets finds in a file, as line and kind; a line with its pragma is left out."""
    text = file.read_text(encoding="utf-8", errors="replace")
    lines = text.split("\n")
    for detector in detectors():
        for secret in set(detector.analyze_string(text)):
            number = text.count("\n", 0, text.find(secret)) + 1
            if "pragma: allowlist secret" not in lines[number - 1]:
                yield f"{number}: {detector.secret_type}"


def test_no_secret_is_committed():
    names = [name for name in tracked() if not LOCKS.search(name)]
    found = {name: told for name in names if (told := list(secrets_in(ROOT / name)))}
    assert {name: told for name, told in found.items() if name not in MADE_UP} == {}
    assert set(MADE_UP) <= set(found), "an exception that nothing needs any more"


@pytest.mark.parametrize(
    "planted",
    [
        "key = 'AKIA" + "Q3EGRZ7XW2LMNB5T'",
        "token: ghp_" + "a8Zk3" * 8,
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "AccountKey=" + "aZ3+" * 21 + "aZ==",
    ],
)
def test_a_planted_secret_is_found(tmp_path: Path, planted: str):
    file = tmp_path / "settings.py"
    file.write_text(f"{planted}\n")
    assert [told.partition(":")[0] for told in secrets_in(file)] == ["1"]


def test_the_workflows_pass_zizmor():
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--persona=auditor", ".github"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files"),
    [("github-workflows", ".github/workflows/*.yml"), ("github-actions", ".github/actions/*/action.yml")],
)
def test_workflows_and_actions_are_as_github_s_schemas_have_them(schema: str, files: str):
    found = [str(file) for file in ROOT.glob(files)]
    assert found
    done = against_schema(schema, *found)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_workflow_with_a_word_that_github_does_not_know_is_found(tmp_path: Path):
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    (tmp_path / "ci.yml").write_text(workflow.replace("timeout-minutes", "timeout"))
    done = against_schema("github-workflows", str(tmp_path / "ci.yml"))
    assert (done.returncode, "'timeout' was unexpected" in done.stdout) == (1, True), done.stdout


def against_schema(schema: str, *files: str) -> "subprocess.CompletedProcess[str]":
    """Hold files against a schema that check-jsonschema brings along."""
    command = [
        str(Path(sys.executable).with_name("check-jsonschema")),
        "--verbose",
        "--builtin-schema",
        f"vendor.{schema}",
    ]
    return subprocess.run([*command, *files], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120)


def test_every_action_of_others_is_pinned_to_a_commit_with_its_version():
    files = [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob(".github/actions/*/action.yml")]
    uses = [line for file in files for line in re.findall(r"uses: +(.*)", file.read_text(encoding="utf-8"))]
    others = [line for line in uses if not line.startswith(("./", "$/"))]
    assert others
    assert [line for line in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", line)] == []


def test_the_gate_is_run_by_root_without_whom_tests_are_skipped():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"^ +- run: (.*)$", workflow, re.MULTILINE) == ["sudo .ci/run"]


def test_zizmor_would_find_what_a_pull_request_could_turn_against_us(tmp_path: Path):
    workflow = tmp_path / ".github" / "workflows" / "ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    command = [str(Path(sys.executable).with_name("zizmor")), "--offline", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert all(audit in done.stdout for audit in ("dangerous-triggers", "template-injection", "unpinned-uses"))
