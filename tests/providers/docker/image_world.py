"""Images of a test's own on a real engine, and the places that they come from: an index, a registry, contexts."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from docker.errors import ImageNotFound

from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.images import Images
from reconciler.providers.docker.names import Names

# What the engine's builder prints of a step's image, before its twelve digits.
_STEP_IS = " ---> "


class Recording:
    """An engine's API that notes by which calls it was asked."""

    def __init__(self, api):
        self._api, self.calls = api, []

    def __getattr__(self, name):
        found = getattr(self._api, name)
        if not callable(found):
            return found

        def call(*args, **kwargs):
            self.calls.append(name)
            return found(*args, **kwargs)

        return call


class Folders:
    """Build contexts as the asset store gives them, by digests that are names here."""

    def __init__(self, folder: Path):
        self._folder = folder

    def path(self, digest: str) -> Path:
        return self._folder / digest

    def holds(self, digest: str) -> bool:
        return self.path(digest).exists()


class ImageWorld:
    """The images of one test, in a repository of its own, and the lines that were reported of them."""

    def __init__(self, host: str, project: str, folder: Path, env: Mapping[str, str]):
        self.host, self.folder, self.project, self.env = host, folder, project, dict(env)
        self.engine = Engine(host)
        self.api = Recording(self.engine.api)
        self.engine._api = self.api
        self.contexts, self.lines, self.made = folder / "contexts", [], []
        self.repository = f"mlops-test/{project}"

    @property
    def images(self) -> Images:
        names, contexts, locks = Names(self.project), Folders(self.contexts), self.folder / "locks"
        return Images(self.engine, names, contexts, locks, env=self.env, repository=self.repository)

    def ready(self, environment, *, wants_server=False):
        return self.images.ready(environment, wants_server=wants_server, report=self.lines.append)

    def context(self, name, files) -> dict:
        """The `build` of an environment whose context has these files."""
        for path, text in files.items():
            (self.contexts / name / path).parent.mkdir(parents=True, exist_ok=True)
            (self.contexts / name / path).write_text(text)
        return {"path": {"digest": name, "name": name}}

    def derived(self, tag: str, below: str, files: Mapping[str, str] = {}, dockerfile: str = "") -> str:
        """An image with executable files more than the one below."""
        target = io.BytesIO()
        text = f"FROM {below}\n" + ("COPY root/ /\n" if files else "") + dockerfile
        with tarfile.open(fileobj=target, mode="w") as archive:
            for name, content in {"Dockerfile": text, **{f"root{name}": each for name, each in files.items()}}.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content.encode()), 0o755
                archive.addfile(entry, io.BytesIO(content.encode()))
        target.seek(0)
        name = f"{self.repository}:{tag}"
        events = list(self.api.build(fileobj=target, custom_context=True, tag=name, rm=True, forcerm=True, decode=True))
        assert not [event for event in events if "error" in event], events
        self.made.append(self.api.inspect_image(name)["Id"])
        return name

    def printed(self, image: str, *argv: str, user: str = "1000:1000") -> str:
        """What a program prints in a container as instances are: of a common user, and unable to write."""
        body = {"Image": image, "Entrypoint": argv, "User": user, "HostConfig": {"ReadonlyRootfs": True}}
        body["Labels"] = Names(self.project).labels("test")
        container = self.api.create_container_from_config(body)["Id"]
        try:
            self.api.start(container)
            status = self.api.wait(container)["StatusCode"]
            text = self.api.logs(container).decode()
            assert status == 0, text
            return text
        finally:
            self.api.remove_container(container, force=True)

    def left(self) -> tuple[list[str], list[str]]:
        """The names of the images that were made, and of the containers that are still there."""
        images = [name for image in self.api.images(self.repository) for name in image["RepoTags"] or ()]
        containers = self.api.containers(all=True, filters=Names(self.project).filter("build"))
        return sorted(images), [each["Id"] for each in containers]

    def clear(self) -> None:
        """Remove what was made: images, those whose name has moved on, and the layers of steps that a build cached."""
        cached = [line.removeprefix(_STEP_IS) for line in self.lines if line.startswith(_STEP_IS) and len(line) == 18]
        for name in self.left()[0]:
            with suppress(ImageNotFound):
                self.api.remove_image(name, force=True)
        for image in (*self.made, *reversed(cached)):
            with suppress(ImageNotFound):
                if not self.api.inspect_image(image)["RepoTags"]:
                    self.api.remove_image(image)
        self.engine.close()


def wheel(name: str, version: str, module: str) -> tuple[str, bytes]:
    """A wheel of one module, and its file's name."""
    info, target = f"{name}-{version}.dist-info", io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"{name}.py", module)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return f"{name}-{version}-py3-none-any.whl", target.getvalue()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """An HTTP server on loopback, and its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def package_index(login: str) -> Iterator[str]:
    """A package index with a package `tiny`, for those who know the login; gives its address with the login in it."""
    file, content = wheel("tiny", "1.0", "ANSWER = 42\n")
    expected = "Basic " + base64.b64encode(login.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.headers.get("Authorization") != expected:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="index"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            pages = {"/simple/tiny/": f'<a href="/files/{file}">{file}</a>'.encode(), f"/files/{file}": content}
            found = pages.get(self.path)
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/octet-stream")
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write((found or b"") if self.command == "GET" else b"")

        do_HEAD = do_GET  # noqa: N815 - the server's own form

        def log_message(self, *_):
            pass

    with serving(Handler) as port:
        yield f"http://{login}@127.0.0.1:{port}/simple/"


class Registry:
    """A registry of one small image, `small:1`; `breaking` says by path how often an answer is cut off half way."""

    def __init__(self) -> None:
        root = io.BytesIO()
        with tarfile.open(fileobj=root, mode="w") as archive:
            entry = tarfile.TarInfo("hello")
            content = hashlib.shake_256(b"hello").digest(300_000)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        layer = gzip.compress(root.getvalue(), mtime=0)
        config = {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/hello"]}}
        config |= {
            "rootfs": {"type": "layers", "diff_ids": [_digest(root.getvalue())]},
            "history": [{"created_by": "test"}],
        }
        self.config, self.layer = json.dumps(config).encode(), layer
        kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        self.manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": _described("application/vnd.docker.container.image.v1+json", self.config),
                "layers": [_described(kind, layer)],
            }
        ).encode()
        self.breaking: dict[str, int] = {}
        self.asked: list[str] = []

    @property
    def layer_path(self) -> str:
        return f"/v2/small/blobs/{_digest(self.layer)}"

    @property
    def manifest_path(self) -> str:
        return f"/v2/small/manifests/{_digest(self.manifest)}"

    @contextmanager
    def open(self) -> Iterator[str]:
        """Serve it, and give the image's name."""
        registry = self
        manifest_type = "application/vnd.docker.distribution.manifest.v2+json"

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                registry.asked.append(self.path)
                blobs = {_digest(each): each for each in (registry.config, registry.layer)}
                name = self.path.rpartition("/")[2]
                if self.path == "/v2/":
                    self.answer(b"{}", "application/json")
                elif "/manifests/" in self.path and name in ("1", _digest(registry.manifest)):
                    self.answer(registry.manifest, manifest_type)
                elif name in blobs:
                    self.answer(blobs[name], "application/octet-stream")
                else:
                    unknown = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
                    self.answer(json.dumps(unknown).encode(), "application/json", status=404)

            do_HEAD = do_GET  # noqa: N815 - the server's own form

            def answer(self, body, kind, status=200):
                start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
                self.send_response(206 if start else status)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.send_header("Content-Type", kind)
                self.send_header("Docker-Content-Digest", _digest(body))
                self.send_header("Content-Length", str(len(body) - start))
                self.end_headers()
                left = registry.breaking.get(self.path, 0)
                if self.command == "GET":
                    registry.breaking[self.path] = max(0, left - 1)
                    self.wfile.write(body[start : len(body) // 2 if left else None])
                self.close_connection = True

            def log_message(self, *_):
                pass

        with serving(Handler) as port:
            yield f"127.0.0.1:{port}/small:1"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(kind: str, content: bytes) -> dict:
    return {"mediaType": kind, "size": len(content), "digest": _digest(content)}


class _Pieces(io.RawIOBase):
    """What a generator gives as a file."""

    def __init__(self, pieces) -> None:
        self._pieces, self._left = iter(pieces), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self._left = self._left or next(self._pieces, b"")
        given, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


def saved(api, image: str, smaller_than: int = 50_000_000) -> dict[str, bytes]:
    """The files of an image as it is saved, without large ones, such as the layer of a base."""
    with tarfile.open(fileobj=io.BufferedReader(_Pieces(api.get_image(image)), 1 << 20), mode="r|") as archive:
        wanted = (entry for entry in archive if entry.isfile() and entry.size < smaller_than)
        return {entry.name: archive.extractfile(entry).read() for entry in wanted}


def names_in(content: bytes) -> list[str]:
    """The names in an archive, as a layer is; none in what is no archive."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            return archive.getnames()
    except tarfile.ReadError:
        return []
