"""What a step's script accepts on its command line, read from its source without running it.

``read`` follows a script to where argparse, click, typer or the script itself reads its words;
``match`` holds words against what was found. Both say nothing where they are not certain.
"""

from __future__ import annotations

from amlshare.script_arguments.accepted import Accepted, Counted, Option, Parser, Parsing, Place
from amlshare.script_arguments.following import Follower
from amlshare.script_arguments.matching import Matched, Refusal, Word, match
from amlshare.scripts import Sources

__all__ = [
    "Accepted",
    "Counted",
    "Matched",
    "Option",
    "Parser",
    "Parsing",
    "Place",
    "Refusal",
    "Word",
    "match",
    "read",
]


def read(sources: Sources, script: str, *, parallel: bool = False) -> Accepted:
    """What a script of a code folder certainly does with its words.

    Of a ``parallel`` script, what it does when it is loaded, and its ``init()``.
    """
    return Follower(sources, script, parallel=parallel).follow()
