"""The options that many commands share, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from amlshare import backends
from amlshare.cli.frame import GROUPS
from amlshare.diagnostics import closest
from amlshare.units import parse_percent, parse_size

if TYPE_CHECKING:
    from amlshare.backends.interface import Publishing
    from amlshare.commands import Request, Whose
    from amlshare.movement.budget import Budget

    Requests: TypeAlias = Callable[[Path], Request]


def known_backend(name: str) -> str:
    if name not in backends.names():
        meant = closest(name, backends.names())
        hint = f"; did you mean '{meant}'?" if meant else ""
        raise typer.BadParameter(f"'{name}' is none of {', '.join(backends.names())}{hint}")
    return name


def backend_names() -> list[str]:
    return list(backends.names())


WorkspaceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Azure: the workspace, instead of the spec's.")
]
GroupOption = Annotated[
    str | None, typer.Option("--resource-group", metavar="NAME", help="Azure: its resource group.")
]
SubscriptionOption = Annotated[
    str | None, typer.Option(metavar="ID", help="Azure: its subscription.")
]
Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec: a YAML file.")]


def request_options(
    *,
    backend: Annotated[
        str,
        typer.Option(
            envvar="AMLSHARE_BACKEND",
            callback=known_backend,
            autocompletion=backend_names,
            metavar="NAME",
            help="Where it runs: azureml, azureml-v2 or local.",
        ),
    ] = "azureml",
    target: Annotated[
        str | None, typer.Option(metavar="NAME", help="The overlay under `targets` to apply.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="A value; may be repeated."),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(metavar="EXPR", help="Only these steps: train, +train, train+, tag:x; a,b."),
    ] = None,
    exclude: Annotated[
        str | None, typer.Option(metavar="EXPR", help="Not these steps, though selected.")
    ] = None,
    workspace: WorkspaceOption = None,
    resource_group: GroupOption = None,
    subscription: SubscriptionOption = None,
) -> Requests:
    """The options of every command that takes a spec; gives the request for one."""
    from amlshare.commands import Request

    return lambda spec: Request(
        spec=str(spec),
        backend=backend,
        target=target,
        parameters=tuple(parameter or ()),
        select=select,
        exclude=exclude,
        workspace=_workspace(workspace, resource_group, subscription),
    )


def _workspace(name: str | None, group: str | None, subscription: str | None) -> dict[str, str]:
    given = {"name": name, "resource_group": group, "subscription_id": subscription}
    return {key: value for key, value in given.items() if value is not None}


def run_options(
    *,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, metavar="N", help="Local: steps at once."),
    ] = None,
    python: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Local: the Python that runs the steps.")
    ] = None,
    as_cloud: Annotated[
        bool, typer.Option("--as-cloud", help="Local: every step fetches for itself, as on Azure.")
    ] = False,
    regenerate: Annotated[
        bool, typer.Option("--regenerate", help="Reuse nothing: run every step.")
    ] = False,
    continue_on_step_failure: Annotated[
        bool, typer.Option("--continue-on-step-failure", help="Go on with what does not need it.")
    ] = False,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="The experiment, instead of the spec's.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A tag of the run.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Azure: return once the service has the run.")
    ] = False,
    create_compute: Annotated[
        bool, typer.Option("--create-compute", help="Azure: create compute targets that miss.")
    ] = False,
) -> dict[str, Any]:
    """How a submit runs: fields of the backends' ``Settings``."""
    return {
        "jobs": jobs,
        "python": str(python) if python else None,
        "as_cloud": as_cloud,
        "regenerate": regenerate,
        "continue_on_step_failure": continue_on_step_failure,
        "experiment": experiment,
        "tags": _tags(tag or ()),
        "wait": not no_wait,
        "create_compute": create_compute,
    }


def publish_options(
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Azure: publish the pipeline instead of running it.")
    ] = False,
    run: Annotated[bool, typer.Option("--run", help="With --publish: run it as well.")] = False,
    endpoint: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="With --publish: the endpoint that then serves it."),
    ] = None,
    version_label: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="With --publish: its version, such as a build's id."),
    ] = None,
    disable_old: Annotated[
        bool,
        typer.Option("--disable-old", help="With --publish: disable those that it supersedes."),
    ] = False,
) -> Publishing | None:
    """What a submit publishes, None for nothing."""
    from amlshare.backends.interface import Publishing
    from amlshare.commands import UsageError

    given = {
        "--run": run,
        "--endpoint": endpoint is not None,
        "--version-label": version_label is not None,
        "--disable-old": disable_old,
    }
    if not publish:
        if alone := [option for option, is_given in given.items() if is_given]:
            raise UsageError(f"{alone[0]} goes with --publish")
        return None
    return Publishing(
        run=run, endpoint=endpoint, version_label=version_label, disable_old=disable_old
    )


def _tags(texts: Iterable[str]) -> dict[str, str]:
    from amlshare.commands import UsageError

    tags = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"--tag '{text}' is no tag; expected NAME=VALUE")
        tags[name] = value
    return tags


Where = Annotated[
    Path,
    typer.Option("--in", metavar="SPEC|DIR", help="Whose runs: beside a spec, or in a folder."),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run, or the beginning of its id.")]


def whose_options(
    *,
    where: Where = Path(),
    backend: Annotated[
        str | None,
        typer.Option(
            envvar="AMLSHARE_BACKEND",
            callback=lambda name: name and known_backend(name),
            autocompletion=backend_names,
            metavar="NAME",
            help="Where it ran: azureml or local; a run's id tells by itself.",
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Azure: the experiment, if not the spec's.")
    ] = None,
    workspace: WorkspaceOption = None,
    resource_group: GroupOption = None,
    subscription: SubscriptionOption = None,
) -> Whose:
    """The options of every command about runs."""
    from amlshare.commands import Whose

    return Whose(
        where=where,
        backend=backend,
        workspace=_workspace(workspace, resource_group, subscription),
        experiment=experiment,
    )


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is no size; expected {error}") from None


def _percent(text: str) -> float:
    try:
        return parse_percent(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is no share; expected {error}") from None


def budget_options(
    *,
    max_moved: Annotated[
        int | None,
        typer.Option(parser=_size, metavar="SIZE", help="Exit with 5 where more than this moves."),
    ] = None,
    max_duplicate: Annotated[
        float | None,
        typer.Option(
            parser=_percent,
            metavar="PERCENT",
            help="Exit with 5 where more of what moves is fetched more than once.",
        ),
    ] = None,
) -> Budget | None:
    """What a run may move; None where nothing is said."""
    if max_moved is None and max_duplicate is None:
        return None
    from amlshare.movement.budget import Budget

    return Budget(moved_bytes=max_moved, duplicate_percent=max_duplicate)


GROUPS.update(
    budget=budget_options,
    request=request_options,
    options=run_options,
    publishing=publish_options,
    whose=whose_options,
)
