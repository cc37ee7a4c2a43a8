"""run() is called, and whatever comes of it is an answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from reconciler.scoring.conventions import Convention, convention_of
from reconciler.scoring.messages import Answer, BadInputError, Request, failed, script_failed
from reconciler.scoring.results import answer_of
from reconciler.scoring.schemas import refused_input
from reconciler.scoring.script import describe

log = logging.getLogger("mlops.scoring")


class Caller:
    """Calls run() by the convention that the script asks for; never raises what run() raises.

    Args:
        run: the script's function.

    Raises:
        ScriptError: no request could be given to it.
    """

    def __init__(self, run: Callable[..., Any]) -> None:
        self._convention: Convention = convention_of(run)
        self.is_async = self._convention.is_async
        self.takes_options = self._convention.is_raw

    def call(self, request: Request) -> Answer:
        """Call a plain run() in this thread."""
        began = time.perf_counter()
        try:
            result = self._convention.call(request)
            return answer_of(result, time.perf_counter() - began)
        except BaseException as error:  # noqa: BLE001 - also sys.exit() in run() is one request's failure
            return _failure(error, began)

    async def call_async(self, request: Request) -> Answer:
        """Await an async run() on this thread's loop."""
        began = time.perf_counter()
        try:
            result = await self._convention.call(request)
            return answer_of(result, time.perf_counter() - began)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - also sys.exit() in run() is one request's failure
            return _failure(error, began)


def _failure(error: BaseException, began: float) -> Answer:
    if isinstance(error, BadInputError):
        return failed(error.status, str(error))
    if refused_input(error):
        return failed(400, f"Input cannot be converted: {error}")
    log.error("run() failed\n%s", describe(error))
    return script_failed(time.perf_counter() - began)
