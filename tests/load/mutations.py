"""Real manifests, and hypothesis strategies that damage them as people and tools do."""

import os
from pathlib import Path

import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpus"
EXAMPLES = int(os.environ.get("MLOPS_FUZZ_EXAMPLES", "60"))
"""How many examples a test tries; with the variable set they are others on every run."""

FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="MLOPS_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

_BITS = (
    *("{", "}", "[", "]", ":", ": ", "- ", "? ", "#", "&a ", "*a", "<<: *a", "!!", "!!python/name:os.system", "|", ">"),
    *(
        "'",
        '"',
        "\t",
        "\n",
        "\r\n",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "{{X}}",
        "{{Y}}",
        "${{secret:a}}",
        "${{secret:",
        "$",
    ),
    *("~", "null", "no", "1.10", "010", "0x1F", "1:30:20", ".nan", "-.inf", "1e999", "2024-02-30", "9" * 120, "=", ""),
    *(
        "\0",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\u2028",
        "é",
        "🙂",
        "<<<<<<< HEAD\n",
        ">>>>>>> x\n",
        "azureml:a@latest",
        "file:",
    ),
    *(
        "../",
        "/etc",
        "~/x",
        "C:\\x",
        "%2e%2e/",
        "-10",
        "110",
        "33.3",
        "10%",
        '"50"',
        " 50 ",
        "+5",
        "٣",
        "true",
        "yes",
        "{}",
        "[]",
    ),
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=8),
    st.text(max_size=20),
    st.sampled_from(_BITS),
)
_FIELDS = (
    *(
        "$schema",
        "name",
        "endpoint_name",
        "version",
        "type",
        "model",
        "environment",
        "code_configuration",
        "code",
        "path",
    ),
    *(
        "scoring_script",
        "traffic",
        "mirror_traffic",
        "auth_mode",
        "identity",
        "compute",
        "instance_type",
        "instance_count",
    ),
    *(
        "scale_settings",
        "min_instances",
        "max_instances",
        "request_settings",
        "request_timeout_ms",
        "max_queue_wait_ms",
    ),
    *("liveness_probe", "readiness_probe", "period", "environment_variables", "image", "build", "conda_file", "tags"),
    *("inference_config", "data_collector", "collections", "resources", "properties", "description", "blue", "port"),
    *("dependencies", "pip", "datastore", "os_type", "location", "app_insights_enabled", "polling_interval"),
)
_SCHEMAS = (
    "managedOnlineEndpoint",
    "managedOnlineDeployment",
    "kubernetesOnlineEndpoint",
    "kubernetesOnlineDeployment",
)


def seeds() -> list[bytes]:
    """Real and wrong manifests: of the cases, of the example, of the corpus where it is there."""
    folders = [ROOT / "tests" / "cases", ROOT / "manifests", CORPUS]
    files = [file for folder in folders for end in ("yml", "yaml") for file in sorted(folder.rglob(f"*.{end}"))]
    return [data for file in files if len(data := file.read_bytes()) < 4_000]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real manifest with a few lines or bytes of it changed."""
    text = draw(st.sampled_from(seeds_once()))
    for _ in range(draw(st.integers(1, 4))):
        text = _DAMAGES[draw(st.integers(0, len(_DAMAGES) - 1))](draw, text)
    return text


@st.composite
def documents(draw: st.DrawFn) -> dict[str, object]:
    """A mapping of our fields with anything in them, under a schema of ours or none."""
    made: dict[str, object] = draw(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=10))
    schema = draw(st.sampled_from([*_SCHEMAS, "model", "environment", ""]))
    head = {"$schema": f"https://azuremlschemas.azureedge.net/latest/{schema}.schema.json"} if schema else {}
    names = {"name": "blue", "endpoint_name": "iris", "instance_type": "Standard_DS3_v2"}
    return {**head, **{name: names[name] for name in draw(st.sets(st.sampled_from(sorted(names))))}, **made}


def dumped(value: object) -> bytes:
    """As YAML; aliases where parts are shared."""
    return yaml.safe_dump(value, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")


def seeds_once() -> list[bytes]:
    """The seeds, read from the disk once."""
    if not _SEEDS:
        _SEEDS.extend(seeds())
    return _SEEDS


_SEEDS: list[bytes] = []
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(_FIELDS), st.text(max_size=8), st.integers()), inner, max_size=4),
    ),
    max_leaves=12,
)


def _line_gone(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    del lines[draw(st.integers(0, len(lines) - 1))]
    return b"\n".join(lines)


def _line_twice(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines)))
    return b"\n".join([*lines[:to], lines[at], *lines[to:]])


def _indented(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    lines[at] = draw(st.sampled_from([b" ", b"  ", b"\t", b"- "])) + lines[at]
    return b"\n".join(lines)


def _bit_put_in(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from(_BITS)).encode() + data[at:]


def _value_changed(draw: st.DrawFn, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[at].partition(b":")
    lines[at] = (
        key + colon + b" " + draw(st.one_of(st.sampled_from(_BITS), st.text(max_size=12))).encode("utf-8", "ignore")
    )
    return b"\n".join(lines)


def _bytes_changed(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.binary(max_size=4)) + data[at + draw(st.integers(0, 4)) :]


def _cut(draw: st.DrawFn, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def _another_behind(draw: st.DrawFn, data: bytes) -> bytes:
    return data + draw(st.sampled_from([b"\n---\n", b"\n", b""])) + draw(st.sampled_from(seeds_once()))


_DAMAGES = (_line_gone, _line_twice, _indented, _bit_put_in, _value_changed, _bytes_changed, _cut, _another_behind)
