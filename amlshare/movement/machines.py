"""The VM sizes that are known: what of them bounds how fast data comes.

The figures are those of Microsoft's own pages (MicrosoftDocs/azure-docs,
articles/virtual-machines/*.md), those of the A100 sizes' NIC also of the Azure ML documentation. A
figure that no page gives is None, and what it would bound is left out of an estimate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A VM size. ``temp_mb_s`` is what its temp disk writes, in 10^6 bytes a second."""

    name: str
    cores: int
    nic_mbit: int
    ram_gib: float
    temp_gib: int
    temp_mb_s: int | None


def find(vm_size: str | None) -> Machine | None:
    """The size that a spec names, such as ``Standard_DS3_v2``; None for one that is not known."""
    return _machines().get(vm_size.lower().removeprefix("standard_")) if vm_size else None


def larger(machine: Machine, size: int) -> Machine | None:
    """The VM size with the smallest disk that holds ``size`` bytes, of the same series where it has
    one; None where no disk is that large.
    """
    series = _series(machine)
    enough = [each for each in _machines().values() if each.temp_gib * GIB >= size]
    return min(
        enough, key=lambda each: (_series(each) != series, each.temp_gib, each.cores), default=None
    )


def _series(machine: Machine) -> str:
    """``Standard_DS_v2`` of a ``Standard_DS3_v2``."""
    return re.sub(r"\d+", "", machine.name, count=1)


# name: cores, RAM GiB, temp disk GiB, its MB/s written, NIC Mbit/s.
_TABLE = """
# dv2-dsv2-series.md, dv2-dsv2-series-memory.md; NIC of D15 with accelerated networking
D1_v2     1   3.5   50   23    750
D2_v2     2     7  100   46   1500
D3_v2     4    14  200   93   3000
D4_v2     8    28  400  187   6000
D5_v2    16    56  800  375  12000
D11_v2    2    14  100   46   1500
D12_v2    4    28  200   93   3000
D13_v2    8    56  400  187   6000
D14_v2   16   112  800  375  12000
D15_v2   20   140 1000  468  25000
DS1_v2    1   3.5    7   32    750
DS2_v2    2     7   14   64   1500
DS3_v2    4    14   28  128   3000
DS4_v2    8    28   56  256   6000
DS5_v2   16    56  112  512  12000
DS11_v2   2    14   28   64   1500
DS12_v2   4    28   56  128   3000
DS13_v2   8    56  112  256   6000
DS14_v2  16   112  224  512  12000
DS15_v2  20   140  280  640  25000
# dv3-dsv3-series.md
D2_v3     2     8   50   23   1000
D4_v3     4    16  100   46   2000
D8_v3     8    32  200   93   4000
D16_v3   16    64  400  187   8000
D32_v3   32   128  800  375  16000
D48_v3   48   192 1200  500  24000
D64_v3   64   256 1600  500  30000
D2s_v3    2     8   16   32   1000
D4s_v3    4    16   32   64   2000
D8s_v3    8    32   64  128   4000
D16s_v3  16    64  128  256   8000
D32s_v3  32   128  256  512  16000
D48s_v3  48   192  384  768  24000
D64s_v3  64   256  512 1024  30000
# ev3-esv3-series.md
E2_v3     2    16   50   23   1000
E4_v3     4    32  100   46   2000
E8_v3     8    64  200   93   4000
E16_v3   16   128  400  187   8000
E20_v3   20   160  500  234  10000
E32_v3   32   256  800  375  16000
E48_v3   48   384 1200  500  24000
E64_v3   64   432 1600  500  30000
E2s_v3    2    16   32   32   1000
E4s_v3    4    32   64   64   2000
E8s_v3    8    64  128  128   4000
E16s_v3  16   128  256  256   8000
E20s_v3  20   160  320  320  10000
E32s_v3  32   256  512  512  16000
E48s_v3  48   384  768  768  24000
E64s_v3  64   432  864 1024  30000
# ddv4-ddsv4-series.md
D4ds_v4   4    16  150  242   2000
D16ds_v4 16    64  600  968   8000
D64ds_v4 64   256 2400 3872  30000
# fsv2-series.md
F2s_v2    2     4   16   31   5000
F4s_v2    4     8   32   63  10000
F8s_v2    8    16   64  127  12500
F16s_v2  16    32  128  255  12500
F32s_v2  32    64  256  512  16000
F48s_v2  48    96  384  768  21000
F64s_v2  64   128  512 1024  28000
F72s_v2  72   144  576 1152  30000
# lsv2-series.md; the temp disk, not the NVMe disks, which nobody formats
L8s_v2    8    64   80   80   3200
L16s_v2  16   128  160  160   6400
L32s_v2  32   256  320  320  12800
# nct4-v3-series.md, ncv3-series.md, nc-a100-v4-series.md, ndm-a100-v4-series.md and its neighbour
NC4as_T4_v3       4   28  180 -  8000
NC8as_T4_v3       8   56  360 -  8000
NC16as_T4_v3     16  110  360 -  8000
NC64as_T4_v3     64  440 2880 - 32000
NC6s_v3           6  112  736 - 24000
NC24s_v3         24  448 2948 - 24000
NC24ads_A100_v4  24  220   64 - 20000
NC48ads_A100_v4  48  440  128 - 40000
NC96ads_A100_v4  96  880  256 - 80000
ND96asr_v4       96  900 6000 - 24000
ND96amsr_A100_v4 96 1900 6400 - 24000
"""


def _machine(line: str) -> Machine:
    name, cores, ram, temp, written, nic = line.split()
    return Machine(
        name=f"Standard_{name}",
        cores=int(cores),
        nic_mbit=int(nic),
        ram_gib=float(ram),
        temp_gib=int(temp),
        temp_mb_s=None if written == "-" else int(written),
    )


@cache
def _machines() -> dict[str, Machine]:
    """All of them by their short names; read when one is first asked for."""
    lines = (line for line in _TABLE.splitlines() if line and not line.startswith("#"))
    return {each.name.lower().removeprefix("standard_"): each for each in map(_machine, lines)}
