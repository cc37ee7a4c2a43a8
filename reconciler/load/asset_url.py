"""Where a target's content is kept besides its own folder: a URL of any store, without what opens it."""

from urllib.parse import urlsplit

ADVICE = "write file:///FOLDER, s3://BUCKET/PREFIX, abfs://CONTAINER/PREFIX or another store of fsspec's"
# Places that keep what is written to them. Others of fsspec's are views of something else, read files that a URL
# names, or have code run elsewhere.
SCHEMES = (
    *("file", "s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "ocilake", "tos"),
    *("sftp", "ssh", "smb", "hdfs", "webhdfs", "memory"),
)


def flaw_of(url: str) -> str:
    """What is wrong with the URL of an asset store; empty where nothing is."""
    try:
        parts = urlsplit(url)
        password, query = parts.password, parts.query or parts.fragment
    except ValueError as error:
        return f"is no URL: {error}; {ADVICE}"
    if password is not None:
        return "a password has no place here; give it where the store's package looks for it, as in the environment"
    if "::" in url or query:
        return f"a store is one place without parameters; {ADVICE}"
    if not parts.scheme or "://" not in url or not (parts.netloc + parts.path).strip("/"):
        return f"expected a URL; {ADVICE}"
    if parts.scheme not in SCHEMES:
        return f"{parts.scheme}:// is no store for content; there are {', '.join(SCHEMES)}"
    return ""
