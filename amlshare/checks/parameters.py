"""Rules about parameters: their type and their default."""

from __future__ import annotations

from collections.abc import Iterator

from amlshare.diagnostics import Finding
from amlshare.spec import Parameter, Spec

TYPES = {str: "string", bool: "boolean", int: "integer", float: "number"}


def defaults_fit(spec: Spec) -> Iterator[Finding]:
    """parameter-type: the default has the parameter's type, and one of both is given."""
    for name, parameter in spec.parameters.items():
        if parameter.type is None and parameter.default is None:
            yield Finding(
                code="parameter-type",
                message=f"parameter '{name}' has neither a value nor a type",
                route=("parameters", name),
                on="key",
                help=f"write `{name}: 5`, or `{name}: {{type: integer}}` and give it with -p",
            )
        elif not fits(parameter):
            yield Finding(
                code="parameter-type",
                message=f"the default of parameter '{name}' is no {parameter.type}",
                route=("parameters", name, "default"),
                label=f"expected {_form(parameter.type)}",
            )


def _form(kind: str | None) -> str:
    return {
        "string": "a text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
    }[kind or "string"]


def type_of(parameter: Parameter) -> str:
    """The type, from the default where it is not said."""
    return parameter.type or TYPES[type(parameter.default)]


def fits(parameter: Parameter) -> bool:
    """Whether the default has the type; a whole number is a number too."""
    if parameter.type is None or parameter.default is None:
        return True
    found = TYPES[type(parameter.default)]
    return found == parameter.type or (found, parameter.type) == ("integer", "number")
