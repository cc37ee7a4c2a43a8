"""What a look that was kept says of all but the part that is made anew."""

from collections.abc import Mapping, Set
from functools import cached_property
from typing import Any

from reconciler.core.manifest import Content
from reconciler.frozen import dataclass
from reconciler.record.root import Root
from reconciler.remembering.clusters import Clusters
from reconciler.remembering.known import Known
from reconciler.remembering.rows import contents_of, planned_of
from reconciler.wishes import Planned


@dataclass(frozen=True)
class Rest:
    """A look without a part.

    Args:
        held: the head of the look.
        known: the rest of it.
        clusters: what the part was then.
        files: the names of the part's files, also of those that are gone.
    """

    held: Mapping[str, Any]
    known: Known
    clusters: Clusters
    files: Set[str]

    @cached_property
    def gone(self) -> set[str]:
        """The addresses of what was recorded of the part."""
        return {address for cluster in self.clusters.values() for address in cluster.addresses}

    def planned(self, target: str, record: Root) -> Planned:
        """The plan."""
        was, gone = self.held["planned"], self.gone
        rest = {
            **was,
            "unchanged": was["unchanged"] - len(gone - {*was["by_command"]}),
            "pins": self._pins(),
            "labels": {address: each for address, each in was["labels"].items() if address not in gone},
            "by_command": [address for address in was["by_command"] if address not in gone],
            "warnings": [each for each in was["warnings"] if each[0] not in self.files],
            "passed_over": [each for each in was["passed_over"] if each[0] not in self.files],
        }
        return planned_of(rest, target, record)

    def names(self) -> dict[str, str]:
        """By file as the user would write it, its name below the folder, of all files that anything is said of."""
        was = self.held["planned"]
        said = (*((name, file) for name, file, *_ in was["warnings"]), *was["passed_over"])
        return {file: name for name, file in said if name and name not in self.files}

    @cached_property
    def looked(self) -> dict[str, str]:
        """By path, what was there of all that manifests lead to."""
        led = self.known.looking.some(self.known.led_to(self.files))
        gone = {path for path, names in led.items() if names is not None and self.files >= set(names)}
        return {path: was for path, was in self.held["looked"].items() if path not in gone}

    def contents(self) -> dict[str, Content]:
        """Where the content lies that is named, by digest."""
        every = contents_of(self.held["planned"])
        return {digest: each for digest, each in every.items() if str(each.location) in self.looked}

    def _pins(self) -> dict[str, str]:
        """The labels that anything names, each with what it stands for."""
        gone = {pin for cluster in self.clusters.values() for pin in cluster.pins}
        if gone:
            others = (one for name, one in self.known.all_clusters().items() if name not in self.clusters)
            gone -= {pin for one in others for pin in one.pins}
        return {pin: version for pin, version in self.held["planned"]["pins"].items() if pin not in gone}
