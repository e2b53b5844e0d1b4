"""Rules about parameters: their type, their default, the values that schedules give them."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.diagnostics import Finding, Route
from amlshare.document.values import scalar
from amlshare.spec import Parameter, Spec

# A truth value is an int too, so it comes first.
_TYPES = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
_FORMS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def types_known(spec: Spec) -> Iterator[Finding]:
    """untyped-parameter: neither a value nor a type."""
    for name, parameter in spec.parameters.items():
        if parameter.type is None and parameter.default is None:
            yield Finding(
                code="untyped-parameter",
                message=f"parameter '{name}' has neither a value nor a type",
                route=("parameters", name),
                on="key",
                help=f"write `{name}: 5`, or `{name}: {{type: integer}}` and give it with `-p`",
            )


def defaults_fit(spec: Spec) -> Iterator[Finding]:
    """parameter-type: the default has the parameter's type."""
    for name, parameter in spec.parameters.items():
        if parameter.default is not None and not fits(parameter, parameter.default):
            what, route = f"the default of parameter '{name}'", ("parameters", name, "default")
            yield _unfit(what, parameter, parameter.default, route)


def scheduled_values_fit(spec: Spec) -> Iterator[Finding]:
    """parameter-type: what a schedule gives has the parameter's type."""
    for name, schedule in spec.schedules.items():
        for key, value in schedule.parameters.items():
            parameter = spec.parameters.get(key)
            if parameter is not None and not fits(parameter, value):
                what = f"the value that schedule '{name}' gives parameter '{key}'"
                yield _unfit(what, parameter, value, ("schedules", name, "parameters", key))


def _unfit(what: str, parameter: Parameter, value: object, route: Route) -> Finding:
    kind = type_of(parameter)
    return Finding(
        code="parameter-type",
        message=f"{what} is no {kind}",
        route=route,
        label=f"expected {_FORMS[kind]}",
        help=_mended(value, kind),
    )


def _mended(value: object, kind: str) -> str:
    if kind == "string":
        return f'put it in quotes: "{str(value).lower() if isinstance(value, bool) else value}"'
    if isinstance(value, str) and _type_of(scalar(value)) == kind:
        return f"take the quotes away: {value}"
    return "change the value, or the `type:`"


def type_of(parameter: Parameter) -> str:
    """The type, from the default where it is not said; empty where neither is."""
    return parameter.type or _type_of(parameter.default)


def _type_of(value: object) -> str:
    # numbers that print as they are written are subclasses of int and float
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "")


def fits(parameter: Parameter, value: object) -> bool:
    """Whether a value has the parameter's type; a whole number is a number too."""
    if parameter.type is None and parameter.default is None:
        return True
    found, kind = _type_of(value), type_of(parameter)
    return found == kind or (found, kind) == ("integer", "number")
