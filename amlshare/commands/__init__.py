"""What each command does, with no terminal: paths in, data out."""

from amlshare.commands.calibrating import calibrate
from amlshare.commands.checking import check
from amlshare.commands.comparing import diff, since
from amlshare.commands.planning import draft, graph, judge, online, plan, plan_document, planned
from amlshare.commands.reading import Reading, explain, read
from amlshare.commands.request import STATE, Request, UsageError
from amlshare.commands.runs import Whose, cancel, clean, logs, remove, runs, show
from amlshare.commands.saving import save, saved
from amlshare.commands.starting import init, schema
from amlshare.commands.submitting import EndedEarlyError, submit

__all__ = [
    "STATE",
    "EndedEarlyError",
    "Reading",
    "Request",
    "UsageError",
    "Whose",
    "calibrate",
    "cancel",
    "check",
    "clean",
    "diff",
    "draft",
    "explain",
    "graph",
    "init",
    "judge",
    "logs",
    "online",
    "plan",
    "plan_document",
    "planned",
    "read",
    "remove",
    "runs",
    "save",
    "saved",
    "schema",
    "show",
    "since",
    "submit",
]
