"""What the environment tells the scoring server, checked once."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """The environment holds values the server cannot work with; the message is one line."""


@dataclass(frozen=True)
class Settings:
    """Everything the server wants to know about its deployment."""

    app_root: Path
    entry_script: str
    workers: int = 1
    worker_timeout_s: float = 300.0
    scoring_timeout_ms: int = 3_600_000
    log_level: int = logging.INFO
    max_concurrent_requests: int = 1
    max_body_bytes: int = 0
    drain_s: float = 10.0
    drain_grace_s: float = 0.5

    @property
    def slots(self) -> int:
        """The requests one worker may run at a time: its share of what the instance may."""
        return -(-self.max_concurrent_requests // self.workers)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read every variable, and name all that are wrong in one error."""
    problems: list[str] = []

    def value(name: str, default: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(environ.get(name) or default)
        except ValueError as error:
            problems.append(f"{name}: {error}")
            return parse(default)

    settings = Settings(
        app_root=value("AML_APP_ROOT", ".", _folder),
        entry_script=environ.get("AZUREML_ENTRY_SCRIPT", ""),
        workers=value("WORKER_COUNT", "1", _workers),
        worker_timeout_s=value("WORKER_TIMEOUT", "300", _positive),
        scoring_timeout_ms=value("SCORING_TIMEOUT_MS", "3600000", _at_least_one),
        log_level=value("AZUREML_LOG_LEVEL", "INFO", _level),
        max_concurrent_requests=value("MLOPS_MAX_CONCURRENT_REQUESTS", "1", _at_least_one),
        max_body_bytes=value("MLOPS_MAX_BODY_BYTES", "0", _at_least_zero),
        drain_s=value("MLOPS_DRAIN_SECONDS", "10", _seconds),
        drain_grace_s=value("MLOPS_DRAIN_GRACE_SECONDS", "0.5", _seconds),
    )
    if not settings.entry_script:
        problems.append("AZUREML_ENTRY_SCRIPT: set it to the path of score.py relative to AML_APP_ROOT")
    if problems:
        raise SettingsError("; ".join(problems))
    return settings


def _folder(text: str) -> Path:
    path = Path(text).absolute()
    if not path.is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return path


def _integer(text: str, *, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def _at_least_one(text: str) -> int:
    return _integer(text, least=1)


def _at_least_zero(text: str) -> int:
    return _integer(text, least=0)


def _workers(text: str) -> int:
    count = _integer(text, least=1)
    if count > 1 and not hasattr(os, "fork"):
        raise ValueError("this platform can run only 1 worker, because it has no fork")
    return count


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text!r} is not a number of seconds")
    return number


def _positive(text: str) -> float:
    number = _seconds(text)
    if number == 0:
        raise ValueError("must be more than 0 seconds")
    return number


def _level(text: str) -> int:
    if text.upper() not in LEVELS:
        raise ValueError(f"{text!r} is not one of {', '.join(LEVELS)}")
    return int(getattr(logging, text.upper()))
