"""Keys are shown by the one command that is asked for them."""

from command_line import Repository

from tests.secrets_sought import held

LOOKS = (
    ("plan", "--format", "markdown"),
    ("apply", "--auto-approve"),
    ("drift", "--format", "json"),
    ("status",),
    ("show", "endpoint/credit"),
    ("show", "deployment/credit/blue"),
    ("metrics", "credit"),
    ("invoke", "credit", "--debug"),
    ("logs", "deployment/credit/blue"),
    ("logs", "query", "SELECT * FROM AmlOnlineEndpointTrafficLog"),
    ("logs", "query", "SELECT * FROM AmlOnlineEndpointConsoleLog"),
    ("logs", "query", "SELECT * FROM AmlOnlineEndpointEventLog"),
)


def test_no_command_but_credentials_shows_a_key(served: Repository):
    served.mlops("invoke", "credit")
    credentials = served.mlops("credentials", "credit").json
    keys = {name: credentials[name] for name in ("primaryKey", "secondaryKey")}
    ran = {words: served.mlops(*words) for words in LOOKS}
    assert all(each.out for each in ran.values())
    assert {words: found for words, each in ran.items() if (found := held(keys, (each.out + each.err).encode()))} == {}
