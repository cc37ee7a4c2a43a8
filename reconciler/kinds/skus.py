"""Azure's machine sizes for managed online endpoints: cores, memory, GPUs and quota family (contract section 7)."""

import re
from math import ceil
from typing import NamedTuple


class Sku(NamedTuple):
    """One machine size.

    Args:
        cores: virtual CPUs.
        memory_gib: main memory; None where the sources do not say.
        gpus: whole GPUs, or the part of one.
        family: what a quota is given for, without `Standard` and `Family`.
        exempt: whether Azure keeps no 20 % in reserve for upgrades of it.
    """

    name: str
    cores: int
    memory_gib: float | None = None
    gpus: float = 0
    family: str = ""
    exempt: bool = False

    def cores_needed(self, instances: int) -> int:
        """Cores that this many instances take of the quota, the reserve of 20 % included where there is one."""
        return (instances if self.exempt else ceil(instances * 6 / 5)) * self.cores


def _table() -> dict[str, Sku]:
    """Names in lower case to sizes."""
    skus = [
        *(Sku(f"DS{n}_v2", 2 ** (n - 1), m, family="dsv2") for n, m in enumerate((3.5, 7, 14, 28, 56), start=1)),
        *(Sku(f"F{c}s_v2", c, c * 2, family="fsv2") for c in (2, 4, 8, 16, 32, 48, 64, 72)),
        *(Sku(f"D{c}as_v4", c, c * 4, family="dasv4") for c in (2, 4, 8, 16, 32, 48, 64, 96)),
        *(Sku(f"D{c}a_v4", c, family="dav4") for c in (2, 4, 8, 16, 32, 48, 64, 96)),
        *(Sku(f"E{c}s_v3", c, family="esv3") for c in (2, 4, 8, 16, 20, 32, 48, 64)),
        *(Sku(f"FX{c}mds", c, family="fxmds") for c in (4, 12, 24, 36, 48)),
        *(Sku(f"L{c}s_v2", c, family="lsv2") for c in (8, 16, 32, 48, 64, 80)),
        *(Sku(f"NC{c}as_T4_v3", c, m, g, "ncast4v3")
          for c, m, g in ((4, 28, 1), (8, 56, 1), (16, 110, 1), (64, 440, 4))),
        *(Sku(f"NC{c}s_v3", c, m, g, "ncsv3") for c, m, g in ((6, 112, 1), (12, 224, 2), (24, 448, 4))),
        *(Sku(f"NC{c}ads_A100_v4", c, m, g, "ncadsa100v4", exempt=True)
          for c, m, g in ((24, 220, 1), (48, 440, 2), (96, 880, 4))),
        Sku("NC40ads_H100_v5", 40, None, 1, "ncadsh100v5", exempt=True),
        Sku("NC80adis_H100_v5", 80, None, 2, "ncadsh100v5", exempt=True),
        Sku("ND40rs_v2", 40, None, 8, "ndrsv2", exempt=True),
        Sku("ND96asr_v4", 96, None, 8, "ndasrv4", exempt=True),
        Sku("ND96amsr_A100_v4", 96, None, 8, "ndamsra100v4", exempt=True),
        Sku("ND96is_H100_v5", 96, None, 8, "ndish100v5", exempt=True),
        Sku("ND96isr_H100_v5", 96, None, 8, "ndisrh100v5", exempt=True),
        *(Sku(f"NV{c}ads_A10_v5", c, None, g, "nvadsa10v5")
          for c, g in ((6, 1 / 6), (12, 1 / 3), (18, 0.5), (36, 1), (72, 2))),
    ]  # fmt: skip
    return {f"standard_{sku.name}".lower(): sku for sku in skus}


SKUS = _table()


def sku_of(instance_type: str) -> Sku | None:
    """The size of that name, letters' case aside; None when the table has none of it."""
    return SKUS.get(instance_type.lower())


def quota_family(name: str) -> str:
    """The family that a quota's name means: `standardDSv2Family`, `Standard DSv2 Family vCPUs` and `DSv2` are one."""
    return re.sub(r"^standard|familyvcpus$|family$|vcpus$|[^a-z0-9]", "", re.sub(r"[^a-z0-9]", "", name.lower()))
