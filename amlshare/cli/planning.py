"""The commands that look at a spec: plan, diff, check, explain."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import typer

from amlshare.cli.frame import (
    DIFFERENT,
    OVER_BUDGET,
    SPEC_ERROR,
    Format,
    FormatOption,
    PlanFormat,
    app,
    command,
    paper_for,
    print_json,
    say,
    to_json,
    write,
)
from amlshare.cli.options import Spec
from amlshare.render.paper import Paper

if TYPE_CHECKING:
    from amlshare.advice.suggestions import Suggestions
    from amlshare.cli.options import Requests
    from amlshare.commands import Request
    from amlshare.commands.refreshing import Refreshed
    from amlshare.diagnostics import Diagnostic
    from amlshare.impacts import Since
    from amlshare.movement import Moves
    from amlshare.movement.budget import Budget, Verdict
    from amlshare.plan import Plan
    from amlshare.render.built import Built

Against: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="last|published|REVISION|FILE",
        help="Compare with: the last submit, what is published, a git revision, a spec or plan.",
    ),
]


@command(
    app,
    "amlshare plan specs/flights.yaml",
    "amlshare plan specs/flights.yaml --target prod -p min_distance=0",
    "amlshare plan specs/flights.yaml --refresh",
    "amlshare plan specs/flights.yaml --format markdown -o plan.md",
    "amlshare plan specs/flights.yaml --against origin/main",
    "amlshare plan specs/flights.yaml --max-moved 500GB --max-duplicate 10%",
    "amlshare plan specs/flights.yaml --suggest --take 1 | git apply",
)
def plan(
    spec: Spec,
    request: Requests,
    *,
    format_: Annotated[
        PlanFormat, typer.Option("--format", help="How it is written.")
    ] = PlanFormat.text,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Keep the plan, to `submit` exactly this one."),
    ] = None,
    against: Against = None,
    online: Annotated[
        bool,
        typer.Option("--online", help="Azure: ask the workspace for all that the spec names."),
    ] = False,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh", help="First look at the data, and keep what is there in SPEC's lock file."
        ),
    ] = False,
    suggest: Annotated[
        bool,
        typer.Option("--suggest", help="Also print patches of the spec, with what each saves."),
    ] = False,
    take: Annotated[
        int | None,
        typer.Option(metavar="N", help="Print patch N of --suggest alone, for `git apply`."),
    ] = None,
    budget: Budget | None,
) -> None:
    """Show what a submit would do.

    The steps in order, every edge with its data and bytes, what is fetched more than once, what
    changed since the last submit, and all diagnostics; with no network.
    """
    from amlshare import commands

    others: dict[str, object] = {"--against": against, "--online": online}
    if format_ == PlanFormat.mermaid:
        _refuse("a graph shows steps and data alone", {**others, "--suggest": suggest})
    if take is not None:
        others |= {f"--format {format_.value}": format_ != PlanFormat.text, "--save": save}
        others |= {"--max-moved and --max-duplicate": budget}
        _refuse("--take prints a patch alone", others)
    asked = request(spec)
    refreshed = _refresh(asked) if refresh else None
    if take is not None:
        _take(asked, take, output)
        return
    made, moves = (commands.draft if suggest and not save else commands.planned)(asked)
    if save:
        commands.save(made, moves, asked, save)
    shown = _Shown(
        made=made,
        moves=moves,
        asked=asked,
        refreshed=refreshed,
        modules=commands.online(made, asked, say) if online else None,
        verdict=commands.judge(made, moves, budget) if budget else None,
        since=None if format_ == PlanFormat.mermaid else commands.since(made, asked, against),
        suggestions=_suggestions(made, moves, asked) if suggest else None,
    )
    write(_plan_in(format_, shown, Paper() if output else paper_for(sys.stdout)), output)
    _hold(shown)


def _refuse(why: str, options: Mapping[str, object]) -> None:
    """Raise a UsageError for the first of ``options`` that is given."""
    from amlshare.commands import UsageError

    for option, given in options.items():
        if given:
            raise UsageError(f"{why}: leave {option} out")


def _refresh(asked: Request) -> Refreshed:
    """Bring the lock up to date, and say on stderr what was found."""
    from datetime import datetime, timezone

    from amlshare.commands.refreshing import refresh
    from amlshare.render.refreshing import refreshed_text

    today = datetime.now(timezone.utc).date().isoformat()
    found = refresh(asked, lambda names: say(f"looking at {', '.join(names)}"), today=today)
    sys.stderr.write(refreshed_text(found, paper_for(sys.stderr)))
    return found


class _Shown(NamedTuple):
    """A plan and what is shown beside it; None is not asked for."""

    made: Plan
    moves: Moves
    asked: Request
    refreshed: Refreshed | None
    modules: Mapping[str, bool] | None
    verdict: Verdict | None
    since: Since | None
    suggestions: Suggestions | None


def _hold(shown: _Shown) -> None:
    """Say on stderr whether a plan keeps within its budget; one that does not, or that no run could
    keep to, ends the command.
    """
    sys.stdout.flush()
    if shown.verdict:
        from amlshare.render.budget import budget_text

        sys.stderr.write(budget_text(shown.verdict, paper_for(sys.stderr)))
    if _errors(shown.made):
        raise typer.Exit(SPEC_ERROR)
    if shown.verdict and shown.verdict.over:
        raise typer.Exit(OVER_BUDGET)


def _errors(made: Plan) -> list[Diagnostic]:
    return [each for each in made.diagnostics if each.severity == "error"]


def _plan_in(format_: PlanFormat, shown: _Shown, paper: Paper) -> str:
    match format_:
        case PlanFormat.json:
            return _plan_json(shown)
        case PlanFormat.markdown:
            return _plan_markdown(shown)
        case PlanFormat.mermaid:
            from amlshare.render.mermaid import plan_mermaid

            return plan_mermaid(shown.made)
        case PlanFormat.text:
            return _plan_text(shown, paper)


def _plan_json(shown: _Shown) -> str:
    from amlshare import commands
    from amlshare.render.impacts import add_to

    graph = commands.graph(shown.made)
    document = commands.plan_document(shown.made, shown.moves, graph, shown.modules)
    add_to(document, shown.since)
    if shown.refreshed:
        from amlshare.render.refreshing import refreshed_document

        document["refreshed"] = refreshed_document(shown.refreshed)
    if shown.verdict:
        from amlshare.render.budget import budget_document

        document["budget"] = budget_document(shown.verdict)
    if shown.suggestions:
        from amlshare.render.suggestions import suggestions_document

        document |= suggestions_document(shown.suggestions)
    return to_json(document)


def _plan_markdown(shown: _Shown) -> str:
    from amlshare.render.markdown import plan_markdown

    built = _built(shown.made, shown.modules)
    text = plan_markdown(shown.made, shown.moves, built, shown.since, shown.verdict)
    if shown.suggestions:
        from amlshare.render.suggestions import suggestions_markdown

        text += suggestions_markdown(shown.suggestions, shown.moves)
    return text


def _plan_text(shown: _Shown, paper: Paper) -> str:
    from amlshare.render.text import plan_text

    text = plan_text(
        shown.made,
        shown.moves,
        paper,
        submit=submit_line(shown.asked),
        built=_built(shown.made, shown.modules),
        since=shown.since,
    )
    if shown.suggestions:
        from amlshare.render.suggestions import suggestions_text

        take = _take_line(shown.asked)
        text += suggestions_text(shown.suggestions, shown.moves, paper, take=take)
    return text


def _suggestions(made: Plan, moves: Moves, asked: Request) -> Suggestions:
    from amlshare.commands.suggesting import suggest

    return suggest(made, moves, asked)


def _take(asked: Request, number: int, output: Path | None) -> None:
    """Write one patch. Raises SpecError, when that is done, for what no run could keep to."""
    from amlshare import commands
    from amlshare.commands.suggesting import take
    from amlshare.diagnostics import SpecError

    made, moves = commands.draft(asked)
    write(take(_suggestions(made, moves, asked), number), output)
    if errors := _errors(made):
        raise SpecError(errors)


def _take_line(asked: Request) -> str:
    """The command line that applies the first suggestion."""
    from amlshare.commands.request import DEFAULT_BACKEND

    words = ["amlshare", "plan", asked.spec, *_chosen(asked)]
    words += ["--backend", asked.backend] if asked.backend != DEFAULT_BACKEND else []
    return f"{shlex.join([*words, '--suggest', '--take', '1'])} | git apply"


def _built(made: Plan, known: Mapping[str, bool] | None) -> Built:
    """What the backend makes of a plan, in words."""
    from amlshare.commands import graph
    from amlshare.render.built import HERE, built

    found = graph(made)
    return HERE if found is None else built(found, known or {})


def submit_line(asked: Request) -> str:
    """The command line that runs here what was planned."""
    spec = asked.spec if asked.spec != "-" else "SPEC"
    return shlex.join(["amlshare", "submit", spec, "--backend", "local", *_chosen(asked)])


def _chosen(asked: Request) -> list[str]:
    """The options that say what of a spec is meant."""
    words = ["--target", asked.target] if asked.target else []
    for given in asked.parameters:
        words += ["-p", given]
    words += ["--select", asked.select] if asked.select else []
    words += ["--exclude", asked.exclude] if asked.exclude else []
    return words


@command(
    app,
    "amlshare diff specs/flights.yaml --against published",
    "amlshare diff specs/flights.yaml --against HEAD~1",
    "amlshare diff specs/flights.yaml --target prod --exit-code",
    "amlshare diff specs/flights.yaml --format json",
)
def diff(
    spec: Spec,
    request: Requests,
    *,
    against: Against = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 4 where there are differences.")
    ] = False,
    format_: FormatOption = Format.text,
) -> None:
    """Show how a spec differs from something else: from what is published of it, if not said.

    In the spec's own words: steps, edges, modes, compute, environments, parameters, destinations,
    registrations and code, and which steps follow from a change.
    """
    from amlshare import commands
    from amlshare.render.diff import diff_document, diff_text

    found = commands.diff(request(spec), against or "published")
    if format_ == Format.json:
        print_json(diff_document(found))
    else:
        sys.stdout.write(diff_text(found, paper_for(sys.stdout)))
    if exit_code and found.changes:
        raise typer.Exit(DIFFERENT)


@command(
    app,
    "amlshare why specs/flights.yaml train",
    "amlshare why specs/flights.yaml report --against HEAD~1",
)
def why(
    spec: Spec,
    step: Annotated[str, typer.Argument(metavar="STEP", help="A step of the spec.")],
    request: Requests,
    *,
    against: Against = None,
    format_: FormatOption = Format.text,
) -> None:
    """Say why a step would run again, or would not.

    To the file and line: an argument, a parameter, a package, a line of code, the data, or a step
    that it reads from; and what nobody would notice.
    """
    from amlshare.commands.explaining import why
    from amlshare.render.why import why_document, why_text

    found = why(request(spec), step, against)
    if format_ == Format.json:
        print_json(why_document(found))
    else:
        sys.stdout.write(why_text(found, paper_for(sys.stdout)))


@command(
    app,
    "amlshare check specs/*.yaml",
    "cat specs/flights.yaml | amlshare check -",
    "amlshare check specs/flights.yaml --format json",
)
def check(
    specs: Annotated[
        list[Path], typer.Argument(metavar="SPEC...", help="The specs; - is standard input.")
    ],
    request: Requests,
    *,
    format_: FormatOption = Format.text,
) -> None:
    """Show every diagnostic of specs, for each of their targets.

    Whatever is an error of a plan is one here; hints that advise are the plan's alone.
    """
    from amlshare import commands
    from amlshare.render.diagnostics import diagnostics_text
    from amlshare.render.documents import diagnostics_document

    found = commands.check([str(spec) for spec in specs], request(specs[0]))
    if format_ == Format.json:
        print_json(diagnostics_document(found))
    else:
        sys.stdout.write(diagnostics_text(found, paper_for(sys.stdout)))
    if any(each.severity == "error" for each in found):
        raise typer.Exit(SPEC_ERROR)


def _codes() -> list[str]:
    from amlshare.explanations import CODES

    return list(CODES)


@command(app, "amlshare explain unknown-source", "amlshare explain")
def explain(
    code: Annotated[
        str | None,
        typer.Argument(metavar="CODE", autocompletion=_codes, help="What stands in error[CODE]."),
    ] = None,
    *,
    format_: FormatOption = Format.text,
) -> None:
    """Say what a diagnostic means; without CODE, which diagnostics there are."""
    from amlshare import commands
    from amlshare.render import explanation as render

    paper = paper_for(sys.stdout)
    if code is None:
        every = [commands.explain(each) for each in _codes()]
        document, text = render.codes_document(every), render.codes_text(every, paper)
    else:
        found = commands.explain(code)
        document, text = render.explanation_document(found), render.explanation_text(found, paper)
    if format_ == Format.json:
        print_json(document)
    else:
        sys.stdout.write(text)
