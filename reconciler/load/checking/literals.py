"""Secrets that are written into a file: known by a form of their own, or by what their key says and how they look.

A file is looked through as text, before variables are put in: what `--var` gives is in no file.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Set
from functools import lru_cache
from typing import NamedTuple

from reconciler.core.problem import Problem
from reconciler.load.place import Here

ALLOWED = "pragma: allowlist secret"
"""The comment of detect-secrets by which a line is known to hold none."""


URL_PASSWORD = "a password in a URL"  # noqa: S105 - words for one


class _Form(NamedTuple):
    """A secret with a form of its own.

    Args:
        what: what it looks like, in words.
        hint: a text in lower case that every such secret holds; most files hold none, and no pattern is tried on them.
        pattern: its form; group `secret` is the secret itself, where other text belongs to the form. It is compiled
            when a file holds the hint: all of them take as long as all else of a short command.
    """

    what: str
    hint: str
    pattern: str


_FORMS = (
    _Form("an Azure storage key", "==", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?![A-Za-z0-9+/=])"),
    _Form("a key in a connection string", "accesskey=", r"(?i:SharedAccessKey)=(?P<secret>[A-Za-z0-9+/]{20,}={0,2})"),
    _Form("a key in a connection string", "accountkey=", r"(?i:AccountKey)=(?P<secret>[A-Za-z0-9+/]{20,}={0,2})"),
    _Form("a password in a connection string", ";", r"(?i:;\s*(?:Password|Pwd)\s*=\s*)(?P<secret>[^;'\"\s<{$]{6,})"),
    _Form("an Azure SAS token", "sig=", r"(?i)\bsig=(?P<secret>[a-z0-9%/+]{40,}(?:%3d|=)?)"),
    _Form("a client secret of Entra ID", "q~", r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])"),
    _Form("an AWS access key", "akia", r"\bAKIA[0-9A-Z]{16}\b"),
    _Form("an AWS access key", "asia", r"\bASIA[0-9A-Z]{16}\b"),
    _Form("a GitHub token", "gh", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
    _Form("a GitHub token", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{60,}\b"),
    _Form("a GitLab token", "glpat-", r"\bglpat-[\w-]{20,}"),
    _Form("a Slack token", "xox", r"\bxox[abeoprs]-[\w-]{20,}"),
    _Form("an API key of an AI service", "sk-", r"\bsk-(?:(?:proj|svcacct|admin|ant)-[\w-]{32,}|[A-Za-z0-9]{48,})"),
    _Form("a Hugging Face token", "hf_", r"\bhf_[A-Za-z0-9]{34,}\b"),
    _Form("a Google API key", "aiza", r"\bAIza[\w-]{35}(?![\w-])"),
    _Form("a Stripe key", "k_live_", r"\b[rs]k_live_[A-Za-z0-9]{24,}"),
    _Form("an npm token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _Form("a PyPI token", "pypi-", r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}"),
    _Form("a Databricks token", "dapi", r"\bdapi[0-9a-f]{32}\b"),
    _Form("a private key", "private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    _Form("a JSON Web Token", "eyj", r"(?<![\w-])eyJ[\w-]{10,2000}\.eyJ[\w-]{10,8000}\.[\w-]{16,}"),
    _Form(
        URL_PASSWORD,
        "@",
        r"(?<![\w+.-])[a-zA-Z][\w+.-]{1,20}://[^\s:/@'\"]{0,100}:(?P<secret>[^\s:/@'\"<{$*]{4,200})@(?!sha256:)[\w.-]",
    ),
)
_KEYED = (
    r"""(?i)(?<![\w.-])(?P<key>[\w.-]{0,60}(?:passw(?:or)?d|pwd|secret|token|credential"""
    r"""|(?:api|access|account|encryption|master|primary|private|secondary|storage)[_-]?key)s?)["']?[ \t]*:[ \t]+"""
    r"""(?:["'](?P<quoted>[^"'\n]*)["']|(?P<plain>[^\s"'{}\[\],#&*!|>]+))[ \t]*(?=[\r\n,}#]|$)"""
)
_KEY_HINTS = frozenset({"pass", "pwd", "secret", "token", "key", "credential"})
_HINTS = _KEY_HINTS | {form.hint for form in _FORMS}
_SHORT = 200
_OTHERWISE = r"(?i)\$\{|\{\{|[<>]|://|^(?:azureml|env|file|arn)[:.]|\.(?:ya?ml|json|txt|pem|key|py|net|com|io)$|[\s\\]"
_WORDS_FOR_ONE = r"(?i)example|placeholder|change_?me|dummy|password|your[-_]|xxxx|\.\.\.|redacted"
_GUID = r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_WORD = r"[A-Z]?[a-z]*\d{0,3}|[A-Z]*\d{0,3}|\d{1,8}|[vV]\d{1,3}"
_SHORTEST = 16
_BITS = 3.2
"""Bits a character: English words have about 3 at such lengths, 16 random hexadecimal digits 3.3 and more."""


def literal_secrets(text: str, here: Here, *, but: str = "") -> Iterator[Problem]:
    """A problem for every line that holds a secret; what it is, where it is, and nothing of itself.

    Args:
        text: of the whole file.
        here: the file.
        but: what may stand here.
    """
    told: set[int] = set()
    for start, what in sorted(found for found in _found(text) if found[1] != but):
        line = text.count("\n", 0, start) + 1
        if line in told or ALLOWED in text[text.rfind("\n", 0, start) + 1 :].partition("\n")[0]:
            continue
        told.add(line)
        message = f"looks like {what}; use ${{{{secret:NAME}}}}, or end the line with `# {ALLOWED}` if it is none"
        yield here.problem(line, start - text.rfind("\n", 0, start), "E-SECRET", message)


def looks_like(text: str) -> str:
    """What a text looks like that holds a secret; empty where it holds none."""
    return next((what for _, what in sorted(_found(text))), "")


def _found(text: str) -> Iterator[tuple[int, str]]:
    hints = _hints(text)
    for form in [form for form in _FORMS if form.hint in hints] if hints else ():
        for match in re.finditer(form.pattern, text):
            group = "secret" if match.re.groups and match["secret"] else 0
            if not _stands_for_one(match[group]):
                yield match.start(group), form.what
    for match in re.finditer(_KEYED, text) if not hints.isdisjoint(_KEY_HINTS) else ():
        group = "quoted" if match["quoted"] is not None else "plain"
        if _is_random(match[group]):
            yield match.start(group), f"a secret by its key {match['key']}"


def _hints(text: str) -> Set[str]:
    """What a text holds of that without which it holds no secret; most lines of a folder occur in many of its files."""
    return frozenset().union(*[_known_hints(line) if len(line) <= _SHORT else _held(line) for line in text.split("\n")])


def _held(line: str) -> frozenset[str]:
    lowered = line.lower()
    return frozenset(hint for hint in _HINTS if hint in lowered)


_known_hints = lru_cache(maxsize=4096)(_held)


def _stands_for_one(secret: str) -> bool:
    """Whether it is what documentation writes in place of a secret."""
    return len(set(secret)) < min(8, len(secret) // 2) or re.search(_WORDS_FOR_ONE, secret) is not None


def _is_something_else(value: str) -> bool:
    return bool(re.search(_OTHERWISE, value) or re.fullmatch(_GUID, value) or re.search(_WORDS_FOR_ONE, value))


def _is_random(value: str) -> bool:
    """Whether a value is long, mixed and uneven enough to be made by a machine, and is no name, path or reference."""
    if len(value) < _SHORTEST or _is_something_else(value):
        return False
    mixed = re.search(r"\d", value) and re.search(r"[A-Za-z]", value)
    counts = Counter(value).values()
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    return bool(mixed) and bits >= _BITS and not _is_words(value)


def _is_words(value: str) -> bool:
    """Whether it is words and numbers with dashes between them, as names of things are: `reader-of-store-2`."""
    parts = re.split(r"[-_./]", value)
    return len(parts) > 1 and all(re.fullmatch(_WORD, part) for part in parts)
