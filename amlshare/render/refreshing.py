"""What a refresh of the lock found, as people read it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from amlshare.render.paper import Paper, cells, clean, fold, pad
from amlshare.render.words import count
from amlshare.units import show_size

if TYPE_CHECKING:
    from amlshare.commands.refreshing import Looked, Refreshed
    from amlshare.lock import Content, Entry


def refreshed_text(refreshed: Refreshed, paper: Paper) -> str:
    """A line for each of the data, and where it was written down."""
    width = max((cells(each.data.name) for each in refreshed.looked), default=0)
    lines = []
    for each in refreshed.looked:
        style = paper.yellow if _is_news(each) else paper.dim
        text = fold(f"{pad(each.data.name, width)}  {_found(each)}", paper.width)
        lines += [style(line) for line in text]
    path = clean(refreshed.path.as_posix())
    if not refreshed.looked:
        lines.append("no step reads data from outside: there is nothing to look at")
    else:
        lines.append(f"wrote {path}" if refreshed.written else f"{path} is up to date")
    return "\n".join(lines) + "\n"


def refreshed_document(refreshed: Refreshed) -> dict[str, Any]:
    """The same as JSON. ``before`` is null for data that was looked at for the first time, and
    ``after`` for data that cannot be, of which ``problem`` says why.
    """
    return {
        "lock": refreshed.path.as_posix(),
        "written": refreshed.written,
        "data": [
            {
                "name": each.data.name,
                "changed": None not in (each.before, each.after) and each.before != each.after,
                "before": _entry(each.before),
                "after": _entry(each.after),
                "problem": each.problem or None,
            }
            for each in refreshed.looked
        ],
    }


def _entry(entry: Entry | None) -> dict[str, Any] | None:
    return None if entry is None else asdict(entry.content) | {"at": entry.at, "since": entry.since}


def _is_news(each: Looked) -> bool:
    return bool(each.problem) or (each.before is not None and each.before != each.after)


def _found(each: Looked) -> str:
    if each.after is None:
        return clean(f"not looked at: {each.problem}")
    text = _content(each.after.content)
    if each.before is None:
        return f"{text}, looked at for the first time"
    if each.before == each.after:
        return f"{text}, unchanged since {each.after.since}"
    return f"{text}, changed: {_was(each.before, each.after)}"


def _was(before: Entry, after: Entry) -> str:
    """What there was before, where that tells it from what is there now."""
    old, new = _content(before.content), _content(after.content)
    if old != new:
        return f"was {old}"
    more = after.content.bytes - before.content.bytes
    if more:
        return f"{abs(more):,} bytes {'more' if more > 0 else 'less'}"
    return "as much as there was, of other content"


def _content(content: Content) -> str:
    text = f"{show_size(content.bytes)} in {count(content.files, 'file')}"
    return text if content.version is None else f"version {content.version}, {text}"
