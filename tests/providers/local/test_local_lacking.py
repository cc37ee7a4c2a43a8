"""What a local target cannot make of a spec of a record: values that it never had, content that is gone."""

from pathlib import Path

from reconciler.core.address import Address
from reconciler.core.manifest import Content
from reconciler.core.secret import Secret
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.local import LocalProvider
from reconciler.providers.provider import Knowing, Setting
from reconciler.record.assets import AssetStore

BLUE = Address("deployment", "blue", endpoint="credit")
KNOWN, OTHER = Secret.of("one", b"k"), Secret.of("two", b"k")


def recorded(secret: Secret) -> Secret:
    """As it comes back from a record."""
    return Secret(secret.digest)


def test_a_value_that_is_kept_and_content_that_is_stored_are_at_hand_and_others_are_told(tmp_path: Path):
    code = tmp_path / "src"
    code.mkdir()
    (code / "score.py").write_text("")
    digest = content_digest(code)
    sources = {digest: Content(digest, "src", code)}
    assets = AssetStore(tmp_path / "assets", sources, digest_of=content_digest, files_of=content_files)
    assets.path(digest)
    sources.clear()
    objects = Objects(tmp_path / "dev")
    (tmp_path / "dev").mkdir()
    objects.put(Object(BLUE, {}, "lineage", 1, "op", created="T"))
    objects.keep_secrets(BLUE, {KNOWN.digest: "one"})
    provider = LocalProvider.open(Setting("dev", tmp_path / "dev", assets))
    assert isinstance(provider, Knowing)

    def lacking(secret: Secret, digest: str) -> list[str]:
        content = {"code": {"name": "src", "digest": digest}}
        return list(provider.lacking(BLUE, {"environment_variables": {"A": secret}, "code_configuration": content}))

    assert lacking(recorded(KNOWN), digest) == []
    assert lacking(OTHER, digest) == []
    assert lacking(recorded(OTHER), "sha256:gone") == [
        "the value of environment_variables.A",
        "the content sha256:gone",
    ]
