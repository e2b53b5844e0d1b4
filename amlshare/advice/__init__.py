"""Advice: what would serve a pipeline better, with figures, and the change to its spec.

One rule is one function of a plan; a hint for people comes from its finding, and the patch that
`plan --suggest` prints from its edits.
"""

from amlshare.advice.interface import Advice

__all__ = ["Advice"]
