"""How a spec differs from the last submit, a revision, another file, or what is published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from amlshare.commands.planning import plan
from amlshare.commands.reading import texts
from amlshare.commands.request import Request, UsageError, find_workspace, history_key
from amlshare.diagnostics import SpecError

if TYPE_CHECKING:
    from amlshare.diff import Description, Diff
    from amlshare.impacts import Since
    from amlshare.past import Folders, Past
    from amlshare.plan import Plan

LAST, PUBLISHED = "last", "published"
_SPECS = (".yaml", ".yml")

FileText: TypeAlias = Callable[[str, str, str], "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a plan is compared with. ``text`` gives the text of a code file as it was, by its
    folder, path and sha256; None where nobody has kept it. With ``alone`` it was described from
    a plan and nothing else: so is then what is compared with it.
    """

    past: Past
    text: FileText
    alone: bool = False


def diff(request: Request, against: str = PUBLISHED) -> Diff:
    """How a spec differs from the last submit (``last``), from what is published of it in its
    workspace (``published``), from another spec or a saved plan, or from itself at a revision.

    Raises UsageError, SpecError, or BackendError, also where there is nothing to compare with.
    """
    if request.select is not None or request.exclude is not None:
        raise UsageError("pipelines are compared as a whole: take --select and --exclude out")
    if against == PUBLISHED:
        _publishing(request)
        return _published(plan(request), request)
    from amlshare.diff import compare

    made = plan(request)
    with _before(made, request, against) as found:
        if isinstance(found, str):
            raise UsageError(found)
        return compare(found.past.description(), describe(made, request, alone=found.alone))


def since(made: Plan, request: Request, against: str | None = None) -> Since:
    """What became of each step of a plan since ``against``, as :func:`diff` takes it; None is the
    last submit, if there was one.

    Raises UsageError, or BackendError, also where there is nothing to compare with.
    """
    if against is None and not (request.state / "history").exists():
        return _nothing_submitted(request)  # with no import: it is so in every fresh checkout
    with compared(made, request, against) as (found, _):
        return found


@contextmanager
def compared(
    made: Plan, request: Request, against: str | None = None
) -> Iterator[tuple[Since, Before | None]]:
    """What :func:`since` gives, and what it was found by, which is there until the end.

    That is None for what is published, and where there is nothing to compare with.
    """
    from amlshare.impacts import impacts, of_diff

    if against == PUBLISHED:
        _publishing(request)
        yield of_diff(_published(made, request), made), None
        return
    with _before(made, request, against or LAST) as found:
        if not isinstance(found, str):
            folders = whole_folders(made, request)
            described = partial(describe, made, request, alone=found.alone)
            yield impacts(made, found.past, described, folders), found
        elif against is None:
            yield found, None
        else:
            raise UsageError(found)


def describe(
    made: Plan, request: Request, steps: Collection[str] | None = None, *, alone: bool = False
) -> Description:
    """The description of a plan of a request; of the plan ``alone``, with no look at its files."""
    from amlshare.description import describe as described

    read = None if alone else texts(request.base)
    return described(made, read=read, steps=steps, of=request.spec)


def whole_folders(made: Plan, request: Request) -> Folders:
    """The code folders of a plan, where its backend takes them as a whole; else none."""
    if made.backend == "local":
        return {}
    from amlshare.backends.azureml.noticing import whole_folders

    return whole_folders(made, request.base)


def _nothing_submitted(request: Request) -> str:
    """That there is no last submit, and what there may be instead."""
    cloud = "published, " * (request.backend == "azureml")
    what = f"{cloud}a revision or a file"
    return f"no submit to {request.backend} from here yet; compare --against {what}"


@contextmanager
def _before(made: Plan, request: Request, against: str) -> Iterator[Before | str]:
    """What ``against`` names; for a last submit that there is not, why. Raises UsageError."""
    from amlshare.commands import revisions

    path = Path(against)
    if against == LAST:
        yield _last(made, request)
    elif path.suffix == ".json":
        yield _of_plan(path, request)
    elif path.suffix in _SPECS:
        yield _of_spec(replace(request, spec=against), against)
    elif request.spec == "-":
        raise UsageError("standard input has no revisions: compare with a file")
    elif not against or against.startswith("-") or not revisions.is_revision(request.base, against):
        raise UsageError(
            f"--against '{against}' is none of last, published, a revision that git knows here, "
            "a spec (.yaml) or a plan (.json)"
        )
    else:
        with revisions.at_revision(Path(request.spec), against) as spec:
            yield _of_spec(replace(request, spec=str(spec)), f"{request.spec} at {against}")


def _last(made: Plan, request: Request) -> Before | str:
    from amlshare.history import History, HistoryError

    history = History(request.state)
    if not history.folder.exists():
        return _nothing_submitted(request)  # and no workspace needs to be looked for
    key = history_key(request, made.pipeline)
    try:
        past = history.past(key) if key else None
    except HistoryError as error:
        return str(error)
    if past is None:
        return _nothing_submitted(request)
    return Before(past=past, text=lambda _folder, _file, sha: history.text(sha))


def _of_spec(request: Request, of: str) -> Before:
    """A spec as it stands in a file."""
    from amlshare.past import past_of

    whole = replace(request, select=None, exclude=None)
    try:
        made = plan(whole)
    except SpecError as error:
        errors = [each for each in error.diagnostics if each.severity == "error"]
        more = f", and {len(errors) - 1} more" if errors[1:] else ""
        raise UsageError(f"{of} cannot be planned: {errors[0].message}{more}") from None
    except UsageError as error:
        raise UsageError(f"{of}: {error}") from None
    return Before(
        past=past_of(made, replace(describe(made, whole), of=of), whole_folders(made, whole)),
        text=lambda folder, file, _sha: _text(whole.base / folder / file),
    )


def _of_plan(path: Path, request: Request) -> Before:
    """A plan that was saved, or printed as JSON. It does not tell what is in its files."""
    import json

    from amlshare.description import describe as described
    from amlshare.past import past_of
    from amlshare.plan_document import load

    try:
        made = load(json.loads(path.read_bytes()))
    except OSError as error:
        raise UsageError(f"'{path}' cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"'{path}' is no plan; `plan --format json` prints one") from None
    if made.backend != request.backend:
        raise UsageError(f"'{path}' is a plan for {made.backend}, not for {request.backend}")
    found = described(made, read=None, of=str(path))
    return Before(past=past_of(made, found), text=lambda *_: None, alone=True)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, ValueError):
        return None


def _publishing(request: Request) -> None:
    """Raise UsageError for a backend that publishes nothing."""
    if request.backend != "azureml":
        raise UsageError(f"nothing is published with `--backend {request.backend}`")


def _published(made: Plan, request: Request) -> Diff:
    from amlshare.backends.azureml import published

    name = find_workspace(request, made.pipeline)
    assert name is not None
    return published.diff(made, request.base, name, of=request.spec)
