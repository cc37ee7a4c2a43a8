"""Requests that are wrong in one way each, and what a managed endpoint tells their senders.

`KEY` stands for the endpoint's key, and `LIMIT` is its `max_request_bytes`.
"""

from typing import Any, NamedTuple

from tests.raw_http import request

SCORE = "/api/v1/endpoint/credit/score"
LIMIT = 1000
# Stands in bodies and in queries, and so must stand in no log.
INPUT = "a-customer-named-3f1b"
_KEY = "authorization: Bearer KEY"
CHUNKED = "transfer-encoding: chunked"


class Bad(NamedTuple):
    """One request, the status that it is answered with, and the word of the answer; empty where a model answers."""

    sent: bytes
    status: int
    word: str = ""

    def with_key(self, key: str) -> bytes:
        return self.sent.replace(b"KEY", key.encode())


def _bad(status: int, word: str = "", *lines: str, key: str = _KEY, path: str = SCORE, **spec: Any) -> Bad:
    wanted = {"body": f'"{INPUT}"'.encode(), **spec}
    return Bad(request(path=path, lines=[*filter(None, key.split("|")), *lines], **wanted), status, word)


def _chunks(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + end


def _json(body: bytes, status: int) -> Bad:
    return _bad(status, body=body)


_TOO_LARGE = (413, "PayloadTooLarge")
_NOT_HTTP = (400, "BadRequest")
_NO_KEY = (401, "Unauthorized")
_NO_ENDPOINT = (404, "EndpointNotFound")
_NO_PATH = (404, "PathNotFound")
_NO_METHOD = (405, "MethodNotAllowed")
_HEADERS = (431, "RequestHeaderFieldsTooLarge")
_ENCODING = (501, "NotImplemented")
_MODEL = 424

SIZES = {
    "one byte over": _bad(*_TOO_LARGE, body=b"1" * (LIMIT + 1)),
    "ten times over": _bad(*_TOO_LARGE, body=b"1" * 10 * LIMIT, path=f"{SCORE}?{INPUT}"),
    "over in chunks": _bad(*_TOO_LARGE, CHUNKED, length=False, body=_chunks(b"1" * 600, b"1" * 401)),
    "over in chunks of a byte": _bad(*_TOO_LARGE, CHUNKED, length=False, body=_chunks(*[b"1"] * (LIMIT + 1))),
    "over, and waits to be let in": _bad(*_TOO_LARGE, "expect: 100-continue", body=b"1" * (LIMIT + 1)),
    "says that it is over, and is not": _bad(*_TOO_LARGE, f"content-length: {2**62}", length=False, body=b""),
}
LENGTHS = {
    "length below nothing": _bad(*_NOT_HTTP, "content-length: -1", length=False, body=b""),
    "length that is no number": _bad(*_NOT_HTTP, "content-length: two", length=False, body=b""),
    "length of 40 digits": _bad(*_NOT_HTTP, f"content-length: {'9' * 40}", length=False, body=b""),
    "two equal lengths": _bad(*_NOT_HTTP, "content-length: 2", body=b"{}"),
    "two lengths": _bad(*_NOT_HTTP, "content-length: 30", body=b"{}"),
    "length and chunks": _bad(*_NOT_HTTP, CHUNKED, body=_chunks(b"{}")),
    "length and chunks, folded": _bad(*_NOT_HTTP, "transfer-encoding:\r\n chunked", body=_chunks(b"{}")),
    "chunk size that is no number": _bad(*_NOT_HTTP, CHUNKED, length=False, body=b"zz\r\n{}\r\n0\r\n\r\n"),
    "chunk size below nothing": _bad(*_NOT_HTTP, CHUNKED, length=False, body=b"-1\r\n{}\r\n0\r\n\r\n"),
    "chunk size of 40 digits": _bad(*_NOT_HTTP, CHUNKED, length=False, body=b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n"),
    "two encodings": _bad(*_ENCODING, CHUNKED, "transfer-encoding: identity", length=False, body=_chunks(b"{}")),
    "gzip, then chunks": _bad(*_ENCODING, "transfer-encoding: gzip, chunked", length=False, body=_chunks(b"{}")),
    "almost chunked": _bad(*_ENCODING, "transfer-encoding: xchunked", length=False, body=_chunks(b"{}")),
    "chunked by a tab": _bad(*_NOT_HTTP, "transfer-encoding\t: chunked", length=False, body=_chunks(b"{}")),
}
HEADS = {
    "space before the colon": _bad(*_NOT_HTTP, "x-a : b"),
    "NUL in a value": _bad(*_NOT_HTTP, "x-a: b\0c"),
    "ESC in an id": _bad(*_NOT_HTTP, "x-request-id: \x1b[2J"),
    "NUL in a name": _bad(*_NOT_HTTP, "x-\0a: b"),
    "name that is not ASCII": _bad(*_NOT_HTTP, "x-\xe4: b"),
    "no colon": _bad(*_NOT_HTTP, "x-a"),
    "no host": _bad(*_NOT_HTTP, host=""),
    "host with a space": _bad(*_NOT_HTTP, host="host: a b"),
    "101 headers": _bad(*_HEADERS, *(f"x-{number}: 1" for number in range(98))),
    "10,000 headers": _bad(*_HEADERS, *(f"x-{number}: 1" for number in range(10_000))),
    "a header 10,000 times": _bad(*_HEADERS, *["x-a: b"] * 10_000),
    "header of 70 kB": _bad(*_HEADERS, f"x-a: {'b' * 70_000}"),
    "header of 1 MB": _bad(*_HEADERS, f"x-a: {'b' * 1_000_000}"),
    "id of 101 letters": _bad(*_HEADERS, f"x-request-id: {'i' * 101}"),
    "WebSocket": _bad(403, "Forbidden", "connection: upgrade", "upgrade: websocket", method="GET", body=b""),
    "gRPC": _bad(415, "UnsupportedMediaType", "content-type: application/grpc"),
}
KEYS = {
    "no key": _bad(*_NO_KEY, key=""),
    "another key": _bad(*_NO_KEY, key="authorization: Bearer another"),
    "empty key": _bad(*_NO_KEY, key="authorization: Bearer "),
    "empty header": _bad(*_NO_KEY, key="authorization:"),
    "key without a scheme": _bad(*_NO_KEY, key="authorization: KEY"),
    "key by another scheme": _bad(*_NO_KEY, key="authorization: Basic KEY"),
    "key and a letter more": _bad(*_NO_KEY, key="authorization: Bearer KEYx"),
    "key twice in one header": _bad(*_NO_KEY, key="authorization: Bearer KEY, Bearer KEY"),
    "key in two headers": _bad(*_NO_KEY, key=f"{_KEY}|{_KEY}"),
    "key, then another": _bad(*_NO_KEY, key=f"{_KEY}|authorization: Bearer another"),
    "another, then the key": _bad(*_NO_KEY, key=f"authorization: Bearer another|{_KEY}"),
    "key in a header of another name": _bad(*_NO_KEY, key="x-authorization: Bearer KEY"),
    "key that the connection is to forget": _bad(*_NO_KEY, "connection: authorization"),
    "key of 30 kB": _bad(*_NO_KEY, key=f"authorization: Bearer {'k' * 30_000}"),
    "no key, and a path of nobody": _bad(*_NO_KEY, key="", path="/api/v1/endpoint/credit/admin"),
    "no key, and another method": _bad(*_NO_KEY, key="", method="DELETE"),
}
PATHS = {
    "out of the endpoint": _bad(*_NO_ENDPOINT, path=f"{SCORE}/../../../../../etc/passwd"),
    "out of it, escaped": _bad(*_NO_ENDPOINT, path="/api/v1/endpoint/credit/%2e%2e/%2E%2e/config_dump"),
    "into another endpoint": _bad(*_NO_ENDPOINT, path="/api/v1/endpoint/credit/../debit/score"),
    "escaped slash": _bad(*_NOT_HTTP, path="/api/v1/endpoint/credit%2fscore"),
    "escaped backslash": _bad(*_NOT_HTTP, path="/api/v1/endpoint/credit%5Cscore"),
    "escaped NUL": _bad(*_NOT_HTTP, path=f"{SCORE}%00"),
    "NUL": _bad(*_NOT_HTTP, path=f"{SCORE}\0"),
    "not ASCII": _bad(*_NOT_HTTP, path=f"{SCORE}\xe4"),
    "with a space": _bad(*_NOT_HTTP, path=f"{SCORE} x"),
    "with a fragment": _bad(*_NOT_HTTP, path=f"{SCORE}#x"),
    "of nobody": _bad(*_NO_PATH, path="/api/v1/endpoint/credit/admin"),
    "of the server's health": _bad(*_NO_PATH, path="/api/v1/endpoint/credit/"),
    "of the server's metrics": _bad(*_NO_PATH, path="/api/v1/endpoint/credit/-/metrics"),
    "of what the server loaded": _bad(*_NO_PATH, path="/api/v1/endpoint/credit/-/served"),
    "longer than 60 KiB": _bad(*_HEADERS, path=f"{SCORE}?{'a' * 70_000}"),
    "of another host": _bad(*_NO_ENDPOINT, path="http://169.254.169.254/latest/meta-data"),
}
METHODS = {
    **{name: _bad(*_NO_METHOD, method=name) for name in ("PUT", "DELETE", "PATCH", "OPTIONS")},
    "TRACE": _bad(*_NO_METHOD, method="TRACE", body=b""),
    "unknown": _bad(*_NOT_HTTP, method="FOO"),
    "in small letters": _bad(*_NOT_HTTP, method="post"),
    "of 10,000 letters": _bad(*_NOT_HTTP, method="P" * 10_000),
    "CONNECT": _bad(*_NO_ENDPOINT, method="CONNECT", path="127.0.0.1:1", length=False, body=b""),
    "OPTIONS of everything": _bad(*_NO_ENDPOINT, method="OPTIONS", path="*"),
}
BYTES = {
    "a TLS hello": Bad(bytes.fromhex("160301020001000001fc0303") + b"\x11" * 500, *_NOT_HTTP),
    "an SSH client": Bad(b"SSH-2.0-OpenSSH_9\r\n", *_NOT_HTTP),
    "zeros": Bad(b"\0" * 4096, *_NOT_HTTP),
    "an answer": Bad(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", *_NOT_HTTP),
    "a line of 1 MB": Bad(b"G" * 1_000_000, *_HEADERS),
}
# What the model refuses or fails at: the gateway lets it pass, for it looks into no body.
INPUTS = {
    "nothing": _json(b"", _MODEL),
    "half an object": _json(b'{"a": ', _MODEL),
    "not UTF-8": _json(b"\xff\xfe", _MODEL),
    "a byte order mark": _json(b"\xef\xbb\xbf{}", _MODEL),
    "NUL": _json(b"\0", _MODEL),
    "an open bracket 1,000 times": _json(b"[" * LIMIT, _MODEL),
    "a number of 990 digits": _json(b"1" * 990, 200),
    "a number without end": _json(b"1e999", 200),
    "not a number": _json(b"NaN", 200),
    "half a letter": _json(b'"\\ud800"', 200),
    "a name twice": _json(b'{"a": 1, "a": 2}', 200),
    "an image": _bad(200, "", "content-type: image/png"),
    "a body that says it is packed": _bad(200, "", "content-encoding: gzip"),
    "a chunk longer than it says": _bad(_MODEL, "", CHUNKED, length=False, body=b"1\r\n{}\r\n0\r\n\r\n"),
    "two content types": _bad(200, "", "content-type: text/html", "content-type: application/json"),
    "what Envoy would obey": _bad(200, "", "x-envoy-upstream-rq-timeout-ms: 1", "x-envoy-max-retries: 9"),
}
GROUPS = {
    "size": SIZES,
    "length": LENGTHS,
    "head": HEADS,
    "key": KEYS,
    "path": PATHS,
    "method": METHODS,
    "bytes": BYTES,
    "input": INPUTS,
}
ALL = {f"{group}: {name}": bad for group, cases in GROUPS.items() for name, bad in cases.items()}
# What the scoring server is told by itself, with no gateway before it; it answers each with 400.
NO_REQUESTS: dict[str, bytes] = {
    "NUL in a value": request(lines=["x-a: b\0c"]),
    "ESC in an id": request(lines=["x-request-id: \x1b[2J"]),
    "a bare return in an id": request(lines=["x-request-id: a\rb"]),
    "a folded header": request(lines=["x-a: b\r\n c"]),
    "a space before the colon": request(lines=["x-a : b"]),
    "a length below nothing": request(lines=["content-length: -1"], length=False),
    "a length of 40 digits": request(lines=[f"content-length: {'9' * 40}"], length=False),
    "two lengths": request(lines=["content-length: 30"]),
    "a length and chunks": request(lines=[CHUNKED], body=b"2\r\n{}\r\n0\r\n\r\n"),
    "a chunk size that is no number": request(lines=[CHUNKED], length=False, body=b"zz\r\n"),
    "a chunk longer than it says": request(lines=[CHUNKED], length=False, body=b"1\r\n{}\r\n0\r\n\r\n"),
    "gzip, then nothing": request(lines=["transfer-encoding: gzip"], length=False),
    "an unknown method": request(method="FOO"),
    "CONNECT": request(method="CONNECT", path="127.0.0.1:1", length=False, body=b""),
    "a path that is not ASCII": request(path="/score\xe4"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("160301020001000001fc0303") + b"\x11" * 500,
    "zeros": b"\0" * 5000,
}
