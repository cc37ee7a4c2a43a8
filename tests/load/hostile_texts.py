"""Texts that are made to be slow or large to read, each within the size of a file."""

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
DEPLOYMENT = (
    f"{SCHEMAS}/managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: iris\ninstance_type: Standard_DS3_v2\n"
)
ENDPOINT = f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: iris\n"
MANY = 40_000


def nested(keys: list[str], inner: str) -> str:
    """A mapping in a mapping for every key, the innermost of one line."""
    lines = [f"{'  ' * depth}{key}:" for depth, key in enumerate(keys, 1)]
    return "\n".join(["tags:", *lines, "  " * (len(keys) + 1) + inner]) + "\n"


def dotted(levels: int) -> str:
    """Keys of which two spell a third: `a` in `a`, and `a.a`; very many ways lead to each value."""
    lines = ["tags:", "  x0: &v0 {a: ~}", "  x1: &v1 {a: *v0, a.a: ~}"]
    lines += [f"  x{n}: &v{n} {{a: *v{n - 1}, a.a: *v{n - 2}}}" for n in range(2, levels)]
    return "\n".join(lines) + "\n"


def lines(form: str, count: int = MANY) -> str:
    return "".join(form.format(number) + "\n" for number in range(count))


TEXTS = {
    "variables without a value in one line": DEPLOYMENT + "description: '" + "{{X}}" * 150_000 + "'\n",
    "variables that grow the file": DEPLOYMENT + "description: '" + "{{LONG}}" * 100_000 + "'\n",
    "long keys in each other": DEPLOYMENT + nested(["k" * 1000 + str(n) for n in range(45)], "[" + "a," * 90_000 + "]"),
    "one long key": DEPLOYMENT + 'tags:\n  ? "' + "k" * 500_000 + '"\n  : [' + "a," * 20_000 + "]\n",
    "a long name": DEPLOYMENT.replace("blue", "b" * 1_000_000),
    "unknown fields": DEPLOYMENT + lines("a{}: 1"),
    "wrong variables": DEPLOYMENT + "environment_variables:\n" + lines("  a{}: [1]", 30_000),
    "numbers that are none": DEPLOYMENT + "tags:\n" + lines("  a{}: .nan"),
    "one key many times": DEPLOYMENT + "aaaa: 1\n" * MANY,
    "shares that are none": ENDPOINT + "traffic:\n" + lines("  a{}: x"),
    "many mirrors": ENDPOINT + "mirror_traffic:\n" + lines("  a{}: 1"),
    "many documents": "---\n".join([DEPLOYMENT] * 4000),
    "many empty documents": "---\n" * 200_000 + DEPLOYMENT,
    "many merges": DEPLOYMENT
    + "tags:\n  a: &a {"
    + ",".join(f"k{n}: {n}" for n in range(900))
    + "}\n"
    + lines("  b{}: {{<<: *a, x: 1}}", 50),
    "merges in merges": DEPLOYMENT + "tags:\n  a0: &a0 {k: v}\n" + lines("  b{0}: &b{0} {{<<: [*a0, *a0, *a0]}}", 5000),
    "aliases of aliases": DEPLOYMENT
    + "tags:\n  a0: &a0 [x, x]\n"
    + "".join(f"  a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
    "an alias of what holds it": DEPLOYMENT + "tags: &a\n  b: *a\n",
    "brackets": DEPLOYMENT + "tags: " + "[" * 500_000,
    "braces": DEPLOYMENT + "tags: " + "{a: " * 200_000,
    "indents": DEPLOYMENT + "tags:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 1000)),
    "dashes": DEPLOYMENT + "tags:\n  " + "- " * 300_000 + "\n",
    "question marks": DEPLOYMENT + "tags:\n  " + "? " * 300_000 + "\n",
    "a wide list": DEPLOYMENT + "tags: [" + "a," * 400_000 + "]\n",
    "a long line": DEPLOYMENT + "description: " + "x" * 1_000_000 + "\n",
    "a long quote": DEPLOYMENT + 'description: "' + "\\x41" * 200_000 + '"\n',
    "a quote without an end": DEPLOYMENT + 'description: "' + "x\n" * 400_000,
    "digits": DEPLOYMENT + "instance_count: " + "9" * 1_000_000 + "\n",
    "sixties": DEPLOYMENT + "instance_count: " + "1" + ":59" * 300_000 + "\n",
    "a date": DEPLOYMENT + "version: 2024-01-01 " + "0" * 100_000 + "\n",
    "dots in keys": DEPLOYMENT + dotted(18),
    "a key of dots": DEPLOYMENT + "tags:\n  " + "a." * 2000 + "a: .nan\n",
    "anchors": DEPLOYMENT + "tags:\n" + lines("  a{0}: &a{0} x", 40_000),
    "tags": DEPLOYMENT + "tags:\n" + lines("  a{}: !!python/name:os x", 30_000),
    "comments": "#\n" * 500_000,
    "breaks": "\n" * 1_000_000 + "name",
    "spaces": DEPLOYMENT + " " * 1_000_000 + "x",
    "tabs": DEPLOYMENT + "description: |\n" + "\t\n" * 400_000,
    "percents": "%YAML 1.1\n" * 90_000,
    "secrets": DEPLOYMENT + "tags:\n" + lines("  token{0}: wJalrXUtnFEMIK7MDENG{0}", 20_000),
    "references": DEPLOYMENT + "environment_variables:\n  A: '" + "${{secret:a" * 90_000 + "'\n",
}
