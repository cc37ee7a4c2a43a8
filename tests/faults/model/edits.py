"""What people change in the files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.faults.model.desired import Deployment, Desired, Endpoint, Key

Edit = Callable[[Desired], Desired]

TARGETS: Sequence[Desired] = (
    Desired(),
    Desired({"credit": Endpoint({"blue": 100})}, {("credit", "blue"): Deployment(count=3)}),
    Desired(
        {"credit": Endpoint({"blue": 90, "green": 10}), "fraud": Endpoint({"red": 100})},
        {
            ("credit", "blue"): Deployment(count=2),
            ("credit", "green"): Deployment(code="second", model="azureml:risk@latest"),
            ("fraud", "red"): Deployment(secret=1),
        },
        frozenset({1, 2, 3}),
    ),
)
"""What is wanted at first."""


def deployed(desired: Desired, *, key: Key, fields: Mapping[str, Any]) -> Desired:
    """A deployment is added, or says something else."""
    return desired.with_deployment(key, **fields)


def undeployed(desired: Desired, *, key: Key) -> Desired:
    """A deployment is removed."""
    return desired.without_deployment(key) if key in desired.deployments else desired


def renamed(desired: Desired, *, key: Key, name: str) -> Desired:
    """A deployment gets another name, if that is free."""
    there = key in desired.deployments and (key[0], name) not in desired.deployments
    return desired.renamed(key, name) if there else desired


def endpoint_said(desired: Desired, *, endpoint: str, fields: Mapping[str, Any]) -> Desired:
    """An endpoint is added, or says something else."""
    return desired.with_endpoint(endpoint, **fields)


def endpoint_removed(desired: Desired, *, endpoint: str) -> Desired:
    """An endpoint is removed with all that it has."""
    return desired.without_endpoint(endpoint)


def emptied(_desired: Desired) -> Desired:
    """Nearly everything is removed."""
    return Desired()


def rerouted(desired: Desired, *, endpoint: str, number: int) -> Desired:
    """Traffic is moved."""
    there = endpoint in desired.endpoints
    return desired.with_endpoint(endpoint, traffic=split(desired.of(endpoint), number)) if there else desired


def registered(desired: Desired, *, number: int) -> Desired:
    """A version of the model is added."""
    return replace(desired, models=desired.models | {number})


def split(names: Sequence[str], number: int) -> Mapping[str, int] | None:
    """Traffic among deployments: number 6 says it wrongly where there are any, 7 does not say it."""
    if number == 7:
        return None
    if not names:
        return {}
    first, last = names[0], names[-1]
    ways: Sequence[Mapping[str, int]] = (
        {first: 100},
        {last: 100},
        {first: 50, last: 50} if first != last else {first: 100},
        {first: 90, last: 10} if first != last else {},
        {names[len(names) // 2]: 100},
        {},
        {first: 90},
    )
    return ways[number]
