"""Policies of mlops.yaml laid on the manifests that they are for: some of them become fields of a resource."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.core.manifest import Manifest, Source
from reconciler.core.problem import Problem
from reconciler.core.words import did_you_mean
from reconciler.load.options import Override
from reconciler.load.overrides import address_of

# The others, as `slo`, promise something and change nothing.
POLICY_FIELDS = frozenset({"rollout", "autoscale"})


def governed(
    manifests: Iterable[Manifest], policies: Sequence[Override], *, whole: bool
) -> tuple[list[Manifest], list[Problem]]:
    """The manifests with their policies as fields, and what is wrong with policies among themselves.

    Args:
        manifests: as read; the Azure schema knows none of these fields, so they come after it was asked.
        policies: of the target; the path of each is the policy's name.
        whole: whether the manifests are all there are; of single files the others' policies are passed by.
    """
    found = list(manifests)
    if not policies:
        return found, []
    by_address = {address_of(each.kind, each.document).lower(): place for place, each in enumerate(found)}
    problems: list[Problem] = []
    for policy in policies:
        place = by_address.get(policy.address)
        if place is None:
            problems += [_nobodys(policy, by_address)] if whole else []
        elif policy.path in POLICY_FIELDS:
            problems += _contradictions(found[place], policy)
            found[place] = _with_field(found[place], policy)
    return found, problems


def _with_field(manifest: Manifest, policy: Override) -> Manifest:
    source = Source(policy.origin, policy.line, policy.column)
    return replace(
        manifest,
        document={**manifest.document, policy.path: policy.value},
        given={**manifest.given, policy.path: source},
    )


def _nobodys(policy: Override, known: Iterable[str]) -> Problem:
    hint = did_you_mean(policy.address, known)
    return policy.problem("W-SET", f"policy {policy.path}: no manifest has the address {policy.address}{hint}")


def _contradictions(manifest: Manifest, policy: Override) -> list[Problem]:
    """One autoscaler a deployment."""
    settings = manifest.document.get("scale_settings")
    kind = str(settings.get("type", "")).lower() if isinstance(settings, dict) else ""
    if policy.path != "autoscale" or kind != "target_utilization":
        return []
    where = manifest.source("scale_settings")
    message = f"autoscale and scale_settings of type target_utilization ({where}) exclude each other; remove one"
    return [policy.problem("E-SCALE", message)]
