"""How fast data comes, as far as nobody has measured it at the place itself.

`amlshare.calibration` replaces some of it by what finished runs have measured. [D] is measured in
Microsoft's documentation or examples, or follows from what they measured; [A] is an assumption,
which a measurement should replace.
"""

from __future__ import annotations

from dataclasses import dataclass

_GBIT = 1e9 / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one machine achieves, and one storage account, whoever asks it. Bytes, and bytes or
    entries a second.
    """

    nic: float = 0.95
    """[D] The part of a NIC that is filled, given cores enough: 24 Gbit/s on A100 sizes."""
    core: float = 90e6
    """[D] What a core takes in: 14.35 Gbit/s on the 20 cores of a D15_v2, far below its NIC."""
    file: float = 1.04e9
    """[D] What comes of one file: 100 GB in 96.13 s, on the same."""
    listing: float = 7200
    """[D] Entries listed: 4 million in 558 s."""
    block: int = 4 * 2**20
    """[D] What one request fetches of a larger file: 1,000 x 1 GiB in 256,000 requests."""
    mount_block: int = 2 * 2**20
    """[D] DATASET_MOUNT_READ_BLOCK_SIZE."""
    upload_block: int = 8 * 2**20
    """[D] What one request uploads; one more request commits each file."""
    latency: float = 0.03
    """[A] Seconds until a request is answered; the documentation reckons with 0.05."""
    threads: float = 4
    """[D] Requests at a time for each core: RSLEX_DOWNLOADER_THREADS."""
    mounting: float = 0.0
    """[A] Seconds until a mount is there: nobody has published any."""
    egress: float = 100 * _GBIT
    """[A] What an account hands out: 200 Gbit/s in some regions and 50 in others [D], of which an
    estimate reaches both; a spec names no region."""
    ingress: float = 39 * _GBIT
    """[A] What an account takes in: likewise, of 60 and 25."""
    requests: float = 20_000
    """[D] Requests that an account answers in a second."""
    memory: float = 0.5
    """[A] The part of the RAM that takes in what the temp disk has yet to write."""
    reserve: int = 150_000_000
    """[D] What stays free on the temp disk: DATASET_RESERVED_FREE_DISK_SPACE."""
    even: float = 1.25
    """[A] Two ways that differ by less take equally long."""
    spread: float = 2.0
    """[A] An estimate may be wrong by this factor, either way."""


RATES = Rates()
