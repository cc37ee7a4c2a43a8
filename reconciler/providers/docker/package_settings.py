"""How this machine fetches packages, handed to an installation in a container and never left in the image."""

import io
import ssl
from collections.abc import Iterable, Iterator, Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from reconciler.errors import ProviderError

_PROXIES = (
    *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"),
)
# Where packages come from and how they are fetched; not where this machine keeps things, which means nothing there.
_HANDED = (
    *_PROXIES,
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_PROXY", "PIP_RETRIES", "PIP_TIMEOUT"),
    *("PIP_DEFAULT_TIMEOUT", "PIP_NO_INDEX", "PIP_PRE", "PIP_PREFER_BINARY", "PIP_ONLY_BINARY", "PIP_NO_BINARY"),
    *("UV_INDEX", "UV_INDEX_*", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST", "UV_HTTP_TIMEOUT"),
    *("UV_REQUEST_TIMEOUT", "UV_HTTP_RETRIES", "UV_NO_INDEX", "UV_OFFLINE", "UV_PRERELEASE", "UV_RESOLUTION"),
    *("UV_EXCLUDE_NEWER", "UV_PYTHON_INSTALL_MIRROR", "UV_PYTHON_DOWNLOADS"),
    *("CONDA_CHANNELS", "CONDA_CHANNEL_ALIAS", "CONDA_CHANNEL_PRIORITY", "CONDA_OVERRIDE_*", "CONDA_REMOTE_*"),
)
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
# By their places below a home folder, in the order in which the later wins.
_PIP, _UV, _CONDA, _NETRC, _CA = ".config/pip/pip.conf", ".config/uv/uv.toml", ".condarc", ".netrc", "ca.pem"


@dataclass(frozen=True)
class PackageSettings:
    """How packages are fetched.

    Args:
        variables: of the environment.
        files: by their places below the home folder.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def below(self, home: str) -> dict[str, str]:
        """The variables, for a home folder that has the files."""
        bundle = dict.fromkeys((*_CA_VARIABLES, "CONDA_SSL_VERIFY"), f"{home}/{_CA}") if _CA in self.files else {}
        # Uv finds its file by HOME, conda and pip by theirs; a NETRC of this machine's is the one in the files.
        return {
            **self.variables,
            **bundle,
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/.config",
            "NETRC": f"{home}/.netrc",
        }


def package_settings(env: Mapping[str, str], home: Path, system: Path = Path("/etc")) -> PackageSettings:
    """Read the settings of pip, uv, conda and the network, as those tools would on this machine.

    Args:
        env: the process environment.
        home: the user's home folder.
        system: the folder of the machine's own settings.

    Raises:
        ProviderError: a file is there and cannot be read.
    """
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    pip = (system / "pip.conf", home / ".pip/pip.conf", config / "pip/pip.conf", *_named(env, "PIP_CONFIG_FILE"))
    found = {
        _PIP: _merged(pip),
        _UV: _first((*_named(env, "UV_CONFIG_FILE"), config / "uv/uv.toml", system / "uv/uv.toml")),
        _CONDA: _first((*_named(env, "CONDARC"), home / ".condarc", system / "conda/.condarc")),
        _NETRC: _first((*_named(env, "NETRC"), home / ".netrc")),
        _CA: b"\n".join(_bundles(env)),
    }
    handed = {name: value for name, value in env.items() if any(fnmatchcase(name, each) for each in _HANDED)}
    return PackageSettings(handed, {name: content for name, content in found.items() if content})


def proxies(env: Mapping[str, str]) -> dict[str, str]:
    """The proxies of this machine, by the names that every build knows and no image remembers."""
    return {name: env[name] for name in _PROXIES if name in env}


def _named(env: Mapping[str, str], variable: str) -> Iterator[Path]:
    if env.get(variable):
        yield Path(env[variable])


def _first(paths: Iterable[Path]) -> bytes:
    return next((path.read_bytes() for path in paths if path.is_file()), b"")


def _merged(paths: Iterable[Path]) -> bytes:
    """Pip's files as one: it reads them all, and the later wins."""
    parser = RawConfigParser()
    for path in paths:
        try:
            parser.read(path, encoding="utf-8")
        except (ConfigError, UnicodeDecodeError) as error:
            raise ProviderError(f"{path}: pip's configuration cannot be read: {error}") from error
    text = io.StringIO()
    parser.write(text)
    return text.getvalue().encode()


def _bundles(env: Mapping[str, str]) -> Iterator[bytes]:
    """The certificates that this machine trusts: what the environment names, else its own."""
    own = ssl.get_default_verify_paths().cafile
    named = [Path(env[name]) for name in _CA_VARIABLES if env.get(name)]
    found = [path for path in named if path.is_file()]
    there = found or [path for path in map(Path, (*([own] if own else []), *_CA_FILES)) if path.is_file()][:1]
    for path in dict.fromkeys(map(Path.resolve, there)):
        yield path.read_bytes()
