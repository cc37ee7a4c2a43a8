"""A client of the Debug Adapter Protocol, as an editor is one: it attaches, sets breakpoints, and looks around."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

PATIENCE_S = 60.0

Json = dict[str, Any]


class DebugClient:
    """One connection to a debug adapter. Messages are read by a thread of their own, and waited for by what they are.

    Args:
        port: of 127.0.0.1, where the adapter listens.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.settimeout(None)
        self._stream = self._socket.makefile("rb")
        self._sequence = 0
        self._heard: list[Json] = []
        self._news = threading.Condition()
        self.has_ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, command: str, **arguments: Any) -> Json:
        """Send a request, and return the body of its answer, which must be a success."""
        answer = self.answer_to(self.send(command, **arguments))
        assert answer["success"], answer
        body: Json = answer.get("body") or {}
        return body

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request, and return the number by which its answer is known."""
        self._sequence += 1
        message = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self._sequence

    def answer_to(self, number: int) -> Json:
        return self._take(lambda told: told.get("request_seq") == number)

    def event(self, name: str) -> Json:
        """Wait for the next event of a name, and return its body."""
        body: Json = self._take(lambda told: told.get("event") == name).get("body") or {}
        return body

    def attach(
        self,
        configuration: Mapping[str, Any],
        breakpoints: Mapping[Path, Sequence[int]],
        exceptions: Sequence[str] = (),
    ) -> None:
        """Attach by a launch configuration, in the order in which VS Code does it.

        Args:
            configuration: one of those of launch.json.
            breakpoints: the lines of each file.
            exceptions: the sorts of exceptions to stop at, as the adapter calls them.
        """
        self.ask("initialize", clientID="vscode", adapterID="debugpy", linesStartAt1=True, pathFormat="path")
        attaching = self.send("attach", **configuration)
        self.event("initialized")
        for path, lines in breakpoints.items():
            self.break_at(path, *lines)
        self.ask("setExceptionBreakpoints", filters=list(exceptions))
        self.ask("configurationDone")
        assert self.answer_to(attaching)["success"]

    def break_at(self, path: Path, *lines: int) -> None:
        """Have breakpoints at these lines of a file and at no others; each has to be one at which it can stop."""
        wanted = [{"line": line} for line in lines]
        found = self.ask("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)["breakpoints"]
        assert [each["verified"] for each in found] == [True] * len(lines), found

    def stopped(self) -> "Stop":
        """Wait until a thread has stopped."""
        told = self.event("stopped")
        frames = self.ask("stackTrace", threadId=told["threadId"])["stackFrames"]
        return Stop(self, told["reason"], told["threadId"], frames)

    def leave(self) -> None:
        """Disconnect, have what is debugged go on, and wait until the adapter is done with this client."""
        self.ask("disconnect", restart=False, terminateDebuggee=False)
        self.await_end()

    def close(self) -> None:
        """Hang up, whatever the adapter makes of it."""
        with suppress(OSError):  # it has hung up, or this was done before
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(PATIENCE_S)
        self._stream.close()
        self._socket.close()

    def await_end(self) -> None:
        """Wait until the adapter has hung up."""
        with self._news:
            assert self._news.wait_for(lambda: self.has_ended, PATIENCE_S), "the adapter is still there"

    def _take(self, wanted: Callable[[Json], bool]) -> Json:
        def found() -> Json | None:
            return next((told for told in self._heard if wanted(told)), None)

        with self._news:
            told = self._news.wait_for(lambda: found() or self.has_ended, PATIENCE_S) and found()
            assert told, f"waited in vain; heard: {self._heard}"
            self._heard.remove(told)
            return told

    def _read(self) -> None:
        for told in _messages(self._stream):
            with self._news:
                self._heard.append(told)
                self._news.notify_all()
        with self._news:
            self.has_ended = True
            self._news.notify_all()


class Stop:
    """A thread that stands still.

    Args:
        reason: why, as the adapter says it: `breakpoint`, `step`, `exception`.
        frames: of its stack, the innermost first.
    """

    def __init__(self, client: DebugClient, reason: str, thread: int, frames: Sequence[Json]) -> None:
        self._client, self._thread = client, thread
        self.reason, self.frames = reason, frames

    @property
    def place(self) -> tuple[str, int, str]:
        """The file, the line and the function."""
        frame = self.frames[0]
        return frame["source"]["path"], frame["line"], frame["name"]

    def variables(self) -> dict[str, str]:
        """The local variables, as they are shown."""
        scopes = self._client.ask("scopes", frameId=self.frames[0]["id"])["scopes"]
        local = next(each for each in scopes if each["name"] == "Locals")
        found = self._client.ask("variables", variablesReference=local["variablesReference"])["variables"]
        return {each["name"]: each["value"] for each in found}

    def evaluate(self, expression: str) -> str:
        """What an expression is worth where it stands, as it is shown."""
        asked = self._client.ask("evaluate", expression=expression, frameId=self.frames[0]["id"], context="repl")
        return str(asked["result"])

    def go_on(self) -> None:
        self._client.ask("continue", threadId=self._thread)

    def step_out(self) -> "Stop":
        self._client.ask("stepOut", threadId=self._thread)
        return self._client.stopped()


@contextmanager
def attached(
    configuration: Mapping[str, Any],
    breakpoints: Mapping[Path, Sequence[int]] | None = None,
    exceptions: Sequence[str] = (),
) -> Iterator[DebugClient]:
    """A client that has attached by a launch configuration; it leaves at the end, if it has not before."""
    client = DebugClient(configuration["connect"]["port"])
    try:
        client.attach(configuration, breakpoints or {}, exceptions)
        yield client
        if not client.has_ended:
            client.leave()
    finally:
        client.close()


def _messages(stream: BinaryIO) -> Iterator[Json]:
    """The messages of a connection until it ends; each has a head that says how long it is."""
    with suppress(OSError):
        while head := stream.readline():
            length = int(head.partition(b":")[2])
            assert stream.readline() == b"\r\n"
            yield json.loads(stream.read(length))


__all__ = ["PATIENCE_S", "DebugClient", "Stop", "attached"]
