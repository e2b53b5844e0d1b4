"""What a storage account lets through, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass

_GBIT = 1e9 / 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A general purpose v2 account: bytes a second out and in, requests a second."""

    egress: float
    ingress: float
    requests: float = 20_000


# azure-docs, the storage account limits; egress of the listed regions since October 2024
LISTED = Account(egress=200 * _GBIT, ingress=60 * _GBIT)
OTHER = Account(egress=50 * _GBIT, ingress=25 * _GBIT)
# [A] between the two, so that a factor of two either way reaches both: a spec names no region
SOME_REGION = Account(egress=100 * _GBIT, ingress=39 * _GBIT)
