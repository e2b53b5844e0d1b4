"""Which keys the language knows, and where; what an unknown one was meant to be."""

from __future__ import annotations

from functools import cache, lru_cache

from pydantic import BaseModel

from amlshare.checks import foreign
from amlshare.diagnostics import Route, closest
from amlshare.spec import Spec


def keys_at(route: Route) -> tuple[str, ...]:
    """The keys that the language knows at a route."""
    model = model_at(route)
    if model is None:
        return ()
    return tuple(field.alias or name for name, field in model.model_fields.items())


def model_at(route: Route) -> type[BaseModel] | None:
    """The model of what stands at a route; None for a text, a list, or a mapping of others."""
    model: object = Spec
    for part in route:
        model = _inner(model, part)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _inner(model: object, part: str | int) -> object:
    """The type one step further down: a model's field, or what a list or mapping holds."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                inner = _without_none(field.annotation)
                tables = getattr(inner, "__origin__", None) in (dict, list)
                return inner if tables else _model_in(inner) or inner
        return None
    return next((found for arg in _arguments(model) if (found := _model_in(arg))), None)


def _without_none(annotation: object) -> object:
    """What ``X | None`` may be, beside nothing."""
    args = [each for each in _arguments(annotation) if each is not type(None)]
    return args[0] if len(args) == 1 and len(_arguments(annotation)) == 2 else annotation


def _arguments(annotation: object) -> tuple[object, ...]:
    return getattr(annotation, "__args__", ())


def _model_in(annotation: object) -> object:
    """The model inside an annotation such as ``Annotated[Input, ..]`` or ``Input | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in _arguments(annotation) if (found := _model_in(arg))), None)


def meant_by(key: str, owner: Route) -> str | None:
    """The key of the language that a key was meant to be, None where that is not clear."""
    known = keys_at(owner)
    ours = [word for word in foreign.KEYS.get(key, "").split() if word in known]
    return ours[0] if ours else similar(key, known)


@lru_cache(maxsize=256)
def similar(key: str, known: tuple[str, ...]) -> str | None:
    """The key out of ``known`` that is nearly ``key``."""
    return closest(key, known)


@cache
def owners() -> dict[str, list[str]]:
    """What has a key, in words, for every key of the language."""
    found: dict[str, list[str]] = {}
    for owner, route in _PLACES.items():
        for key in keys_at(route):
            found.setdefault(key, []).append(owner)
    return found


_PLACES: dict[str, Route] = {
    "the spec": (),
    "`defaults`": ("defaults",),
    "`local`": ("local",),
    "`workspace`": ("workspace",),
    "a step": ("steps", "?"),
    "an input": ("steps", "?", "inputs", "?"),
    "an input's `reads`": ("steps", "?", "inputs", "?", "reads"),
    "an output": ("steps", "?", "outputs", "?"),
    "an output's `expect`": ("steps", "?", "outputs", "?", "expect"),
    "a step's `parallel`": ("steps", "?", "parallel"),
    "a part of a `sequence`": ("steps", "?", "sequence", 0),
    "a step's `scratch`": ("steps", "?", "scratch", "?"),
    "a step's `distribution`": ("steps", "?", "distribution"),
    "data": ("data", "?"),
    "a compute target": ("compute", "?"),
    "an environment": ("environments", "?"),
    "a parameter": ("parameters", "?"),
    "a schedule": ("schedules", "?"),
    "`publish`": ("publish",),
}
