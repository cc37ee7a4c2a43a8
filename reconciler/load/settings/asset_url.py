"""Where a target's content is kept besides its own folder: a URL of any store, without what opens it."""

from urllib.parse import urlsplit

ADVICE = "write file:///FOLDER, s3://BUCKET/PREFIX, abfs://CONTAINER/PREFIX or another store of fsspec's"
# Of fsspec's file systems those that keep nothing: views of other files, archives, caches, what can only be read, and
# what has a server at the other end do more than keep files.
NO_STORES = frozenset(
    {
        *("reference", "generic", "dir", "asyncwrapper", "blockcache", "filecache", "simplecache", "cached"),
        *("zip", "tar", "libarchive", "data", "http", "https", "git", "github", "gist", "dask", "jupyter", "jlab"),
    }
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
    if parts.scheme in NO_STORES:
        return f"{parts.scheme}:// keeps no files; {ADVICE}"
    return ""
