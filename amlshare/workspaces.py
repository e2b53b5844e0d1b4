"""Which workspace: its name, put together from all the places that may say it.

Each of the three parts comes from the first place that has it: the command line, the environment,
the spec's `workspace`, and at last the `config.json` that the portal offers for download and that
the SDK's own `Workspace.from_config` reads. That is looked for as the SDK does, from the spec's
folder and then from the working folder upwards: all the way up for `.azureml/config.json`, then
for `aml_config/config.json`, then for `config.json`. It is read only when a part is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from amlshare.backends.interface import WorkspaceName
from amlshare.pipeline import Workspace
from amlshare.references import Reference, parse

PARTS = ("subscription_id", "resource_group", "name")
OPTIONS = {
    "subscription_id": "--subscription",
    "resource_group": "--resource-group",
    "name": "--workspace",
}
VARIABLES = {
    "subscription_id": "AZURE_SUBSCRIPTION_ID",
    "resource_group": "AZUREML_RESOURCE_GROUP",
    "name": "AZUREML_WORKSPACE",
}
_WORDS = {"subscription_id": "subscription", "resource_group": "resource group", "name": "name"}
_FOLDERS = (".azureml", "aml_config", ".")


class NoWorkspaceError(Exception):
    """No place says which workspace, or not all of it; the message says how to."""


def find(
    given: Mapping[str, str | None],
    environ: Mapping[str, str],
    spec: Workspace,
    base: Path,
) -> WorkspaceName:
    """The name of the workspace. Raises NoWorkspaceError.

    ``given`` is what the command line says, by the names in `PARTS`; ``base`` the spec's folder.
    """
    found = {part: given.get(part) or environ.get(VARIABLES[part]) for part in PARTS}
    for part in PARTS:
        found[part] = found[part] or _spelled_out(getattr(spec, part), part, environ)
    if not all(found.values()) and (file := _config([base, Path.cwd()])):
        known = _read(file)
        found = {part: found[part] or known[part] for part in PARTS}
    missing = [part for part in PARTS if not found[part]]
    if missing:
        raise NoWorkspaceError(_lacking(missing))
    return WorkspaceName(**{part: str(found[part]) for part in PARTS})


def _spelled_out(text: str | None, part: str, environ: Mapping[str, str]) -> str:
    """What the spec says, with the environment's values for ``${env.NAME}``."""
    words = parse(text or "")[0]
    for word in words:
        if isinstance(word, Reference) and not environ.get(word.name):
            raise NoWorkspaceError(
                f"the spec's workspace names {word} as its {_WORDS[part]}, which is not set here;"
                f" set it, or give {OPTIONS[part]}"
            )
    return "".join(environ[word.name] if isinstance(word, Reference) else word for word in words)


def _lacking(missing: list[str]) -> str:
    whole = len(missing) == len(PARTS)
    what = (
        "no workspace is known"
        if whole
        else f"the workspace's {_list(missing, _WORDS)} is not known"
    )
    return (
        f"{what}: give {_list(missing, OPTIONS)}, or set {_list(missing, VARIABLES)}, or write"
        f" {', '.join(missing)} under `workspace:` in the spec, or put the workspace's config.json"
        " beside it; `--backend local` runs the pipeline on this machine"
    )


def _list(parts: list[str], names: Mapping[str, str]) -> str:
    *most, last = [names[part] for part in parts]
    return f"{', '.join(most)} and {last}" if most else last


def _config(starts: Iterable[Path]) -> Path | None:
    """The nearest `config.json`, in the SDK's order."""
    for start in dict.fromkeys(each.resolve() for each in starts):
        for folder in _FOLDERS:
            for above in (start, *start.parents):
                file = above / folder / "config.json"
                if file.is_file():
                    return file
    return None


def _read(file: Path) -> dict[str, str]:
    """The parts in a `config.json`, which must hold all three; older ones hold a scope instead."""
    try:
        data = json.loads(file.read_text(encoding="utf-8-sig"))
        if scope := data.get("Scope"):
            pieces = scope.split("/")
            return dict(zip(PARTS, (pieces[2], pieces[4], pieces[8]), strict=True))
        names = ("subscription_id", "resource_group", "workspace_name")
        return {part: str(data[name]) for part, name in zip(PARTS, names, strict=True)}
    except (OSError, ValueError, AttributeError, IndexError, KeyError):
        raise NoWorkspaceError(
            f"{file} does not hold subscription_id, resource_group and workspace_name; download it"
            " again from the workspace's page, or give --workspace, --resource-group and"
            " --subscription"
        ) from None
