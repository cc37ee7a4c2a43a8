"""A client of a served endpoint: as everybody's, whatever becomes of its keys, its port and its certificate."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import reconciler
from reconciler.core.address import Address
from reconciler.operate.rotation import rotate_key
from reconciler.workspace import open_workspace

ROWS = {"data": [[1, 2], [3, 4]]}


@pytest.fixture(scope="module")
def secure(served: Path) -> Path:
    """The same on a target with a certificate of its own, where tokens open the endpoint."""
    overrides = {"endpoint/credit.auth_mode": "aml_token", "deployment/credit/blue.instance_count": 2}
    assert reconciler.apply(target="secure", cwd=served, overrides=overrides).succeeded
    return served


def test_threads_share_one_client(served: Path):
    with reconciler.Endpoint("credit", cwd=served, retries=50) as credit, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: credit.invoke({"data": [[number, 1]]}).json(), range(40)))
    assert answers == [[number + 1] for number in range(40)]


def test_a_rotated_key_is_looked_up_again(served: Path):
    with reconciler.Endpoint("endpoint/Credit", cwd=served) as credit:
        old = credit.credentials()["primaryKey"]
        fixed = reconciler.Client(credit.scoring_uri, key=old)
        assert fixed.invoke(ROWS).json() == [3, 7]
        with open_workspace("dev", start=served) as workspace:
            rotate_key(workspace, Address("endpoint", "credit"), "primary")
        assert credit.invoke(ROWS).json() == [3, 7]
        with pytest.raises(reconciler.UnauthorizedError) as raised:
            fixed.invoke(ROWS)
    fixed.close()
    assert old not in str(raised.value) + repr(fixed)


def test_an_endpoint_that_is_applied_anew_is_found_where_it_is_then(secure: Path):
    overrides = {"endpoint/credit.auth_mode": "aml_token"}
    with reconciler.Endpoint("credit", target="secure", cwd=secure) as credit:
        assert credit.invoke(ROWS).json() == [3, 7]
        before = credit.scoring_uri
        reconciler.destroy(target="secure", cwd=secure)
        reconciler.apply(target="secure", cwd=secure, overrides=overrides)
        assert credit.invoke(ROWS).json() == [3, 7]
        assert before.startswith("https://")


def test_a_certificate_of_the_gateway_is_trusted_and_no_other(secure: Path):
    credit = reconciler.Endpoint("credit", target="secure", cwd=secure)
    assert credit.invoke(ROWS, deployment="blue").json() == [3, 7]
    certificate = reconciler.status(target="secure", cwd=secure).to_dict()["endpoints"][0]["certificate"]["file"]
    token = credit.credentials()["accessToken"]
    with reconciler.Client(credit.scoring_uri, key=lambda: token, certificate=certificate) as client:
        assert client.invoke(ROWS).json() == [3, 7]
    with (
        reconciler.Client(credit.scoring_uri, key=token) as stranger,
        pytest.raises(reconciler.MlopsError, match="is not trusted"),
    ):
        stranger.invoke(ROWS)
    credit.close()


def test_a_token_of_the_caller_s_counts_before_the_target_s(secure: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLOPS_TOKEN", "another.token.altogether")
    with (
        reconciler.Endpoint("credit", target="secure", cwd=secure) as credit,
        pytest.raises(reconciler.UnauthorizedError),
    ):
        credit.invoke(ROWS)
    monkeypatch.delenv("MLOPS_TOKEN")
    with reconciler.Endpoint("credit", target="secure", cwd=secure) as credit:
        token = credit.credentials()["accessToken"]
    with reconciler.Endpoint("credit", target="secure", cwd=secure, token=lambda: token) as credit:
        assert credit.invoke(ROWS).ok


def test_what_nobody_serves_is_told_by_name(served: Path, repo: Path):
    with pytest.raises(reconciler.MlopsError, match=r"did you mean endpoint/credit\?"):
        reconciler.Endpoint("credt", cwd=served).invoke({})
    reconciler.apply(target="dev", cwd=repo)
    with pytest.raises(reconciler.MlopsError, match="serves nothing"):
        reconciler.Endpoint("credit", cwd=repo).invoke({})


def test_of_a_wrong_path_of_the_gateway_the_code_is_told(served: Path):
    with reconciler.Endpoint("credit", cwd=served) as credit:
        uri, key = credit.scoring_uri, credit.credentials()["primaryKey"]
    with reconciler.Client(uri.replace("credit", "other"), key=key) as client:
        with pytest.raises(reconciler.InvocationError, match="EndpointNotFound") as raised:
            client.invoke(ROWS)
        assert client.invoke(ROWS, check=False).status == raised.value.status == 404
