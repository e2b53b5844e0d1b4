"""typer: functions whose parameters are the arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from amlshare.script_arguments import click_commands
from amlshare.script_arguments.accepted import Kind, Option, Place
from amlshare.script_arguments.values import (
    UNKNOWN,
    Bound,
    Command,
    Decorator,
    Function,
    Given,
    Typer,
    TyperSetting,
)

if TYPE_CHECKING:
    from amlshare.script_arguments.state import State

_KINDS: dict[str, Kind | None] = {
    "int": "int",
    "float": "float",
    "str": None,
    "Path": None,
    "pathlib.Path": None,
    "datetime": None,
    "UUID": None,
}
_SETTINGS = frozenset(
    """help show_default metavar hidden rich_help_panel exists file_okay dir_okay readable writable
    resolve_path path_type min max clamp formats show_choices case_sensitive show_envvar is_eager
    callback""".split()
)
_APP = frozenset(
    """name help add_completion no_args_is_help pretty_exceptions_enable rich_markup_mode
    pretty_exceptions_show_locals pretty_exceptions_short short_help epilog""".split()
)
_COMMAND = frozenset("name help short_help epilog no_args_is_help hidden rich_help_panel".split())
_ENDS = ("--help", "--install-completion", "--show-completion")


def call(follower: State, name: str, given: Given, node: ast.Call) -> Any:
    """``typer.run(main)``, ``typer.Typer()``, ``typer.Option(...)``."""
    match name:
        case "typer.run" if given.values and isinstance(given.values[0], Function):
            app = Typer()
            app.commands.append((None, _command(follower, given.values[0], follower.place(node))))
            _start(follower, app, follower.place(node))
            return UNKNOWN
        case "typer.Typer":
            app = Typer()
            if given.open or given.values or not given.named.keys() <= _APP:
                app.open = "its app has settings that are not known"
            return app
        case "typer.Option" | "typer.Argument":
            return TyperSetting(
                name == "typer.Argument", tuple(given.values), dict(given.named), given.open
            )
        case _:
            return None


def decorate(_follower: State, decorator: Any, function: Function) -> Any:
    """``@app.command`` without a call is an error of typer: nothing is known then."""
    if isinstance(decorator, Bound) and isinstance(decorator.owner, Typer):
        decorator.owner.open = "its app is used in a way that is not known"
        return function
    return None


def method(follower: State, bound: Bound, given: Given, node: ast.Call) -> tuple[Any] | None:
    """A method of an app."""
    app = bound.owner
    if not isinstance(app, Typer):
        return None
    match bound.name:
        case "command":
            place = follower.place(node)
            return (Decorator(lambda function: _enter(follower, app, function, given, place)),)
        case "__call__":
            if given.values or given.named or given.open:
                app.open = "its app is used in a way that is not known"
            _start(follower, app, follower.place(node))
            return (UNKNOWN,)
        case name:
            app.open = app.open or f"its app's {name} is used"
            return (Decorator(lambda function: function),) if name == "callback" else (UNKNOWN,)


def _enter(follower: State, app: Typer, function: Function, given: Given, place: Place) -> Function:
    name = given.values[0] if given.values else given.named.get("name")
    plain = given.named.keys() <= _COMMAND and not given.open and len(given.values) <= 1
    if not plain or not follower.certain or not (name is None or isinstance(name, str)):
        app.open = app.open or "its commands are not all known"
        return function
    app.commands.append((name, _command(follower, function, place)))
    if name is None:
        app.commands[-1] = (click_commands.names(function)[0], app.commands[-1][1])
    return function


def _start(follower: State, app: Typer, place: Place) -> None:
    """The script calls its app: of one command, it is that command."""
    given = Given()
    if len(app.commands) == 1 and not app.open:
        command = app.commands[0][1]
    else:
        command = Command(is_group=True, place=place, open=app.open)
        command.commands = {str(name): each for name, each in app.commands}
        command.options = list(_ends(place))
    if not app.commands:
        command.open = "its app has no commands"
    click_commands.start(follower, command, given, place)


def _ends(place: Place) -> Iterator[Option]:
    for flag in _ENDS:
        yield Option(flags=(flag,), name=flag[2:], place=place, least=0, most=0, ends=True)


def _command(follower: State, function: Function, place: Place) -> Command:
    command = Command(place=place, options=list(_ends(place)))
    arguments = function.node.args
    if function.wrapped or arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        command.open = "its function is called in a way that is not known"
    for parameter in (*arguments.args, *arguments.kwonlyargs):
        if _is_context(parameter.annotation):
            continue
        option = _option(follower, function, parameter)
        if option is None:
            command.open = command.open or f"its parameter {parameter.arg} is not known"
        else:
            command.options.append(option)
    return command


def _is_context(annotation: ast.expr | None) -> bool:
    return annotation is not None and ast.unparse(annotation) in ("typer.Context", "Context")


def _option(follower: State, function: Function, parameter: ast.arg) -> Option | None:
    """The argument that a parameter is; None where that is not known."""
    annotation, setting = _annotated(follower, function, parameter.annotation)
    has_default = parameter.arg in function.defaults
    default = function.defaults.get(parameter.arg)
    if isinstance(default, TyperSetting):
        if setting is not None:
            return None
        setting = default
        # `...` is not kept apart from what is unknown
        given = setting.values[0] if setting.values else setting.named.get("default", UNKNOWN)
        ellipsis = _is_ellipsis(function, parameter.arg)
        has_default = not ellipsis and (bool(setting.values) or "default" in setting.named)
        if not setting.values and "default" not in setting.named:
            return None
        default = given
        setting = TyperSetting(setting.positional, setting.values[1:], setting.named, setting.open)
    shape = _shape(annotation)
    if shape is None or (setting and (setting.open or not _known_settings(setting))):
        return None
    kind, many, flag = shape
    positional = setting.positional if setting else not has_default
    place = Place(file=function.scope.module.file, line=parameter.lineno)
    if positional:
        return _positional(parameter.arg, place, kind, many=many, flag=flag, optional=has_default)
    flags = _flags(parameter.arg, setting, flag=flag)
    if flags is None:
        return None
    return Option(
        flags=flags,
        name=parameter.arg,
        place=place,
        least=0 if flag else 1,
        most=0 if flag else 1,
        kind=kind,
        required=not has_default,
    )


def _positional(
    name: str, place: Place, kind: Kind | None, *, many: bool, flag: bool, optional: bool
) -> Option | None:
    return Option(
        name=name,
        place=place,
        least=0 if optional else 1,
        most=None if many else 1,
        kind="bool" if flag else kind,
        required=not optional,
    )


def _known_settings(setting: TyperSetting) -> bool:
    return setting.named.keys() <= _SETTINGS | {"default"}


def _is_ellipsis(function: Function, name: str) -> bool:
    """Whether the setting of a parameter begins with `...`."""
    arguments = function.node.args
    names = [each.arg for each in arguments.args]
    nodes = dict(
        zip(names[len(names) - len(arguments.defaults) :], arguments.defaults, strict=True)
    )
    only = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    nodes |= {each.arg: node for each, node in only if node is not None}
    node = nodes.get(name)
    if not isinstance(node, ast.Call):
        return False
    named = [each.value for each in node.keywords if each.arg == "default"]
    first = [*node.args[:1], *named][:1]
    return bool(first) and isinstance(first[0], ast.Constant) and first[0].value is ...


def _annotated(
    follower: State, function: Function, annotation: ast.expr | None
) -> tuple[ast.expr | None, TyperSetting | None]:
    """``Annotated[T, typer.Option(...)]`` taken apart."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return annotation, None
    if not isinstance(annotation, ast.Subscript):
        return annotation, None
    if ast.unparse(annotation.value).rpartition(".")[2] != "Annotated":
        return annotation, None
    inner = annotation.slice
    if not isinstance(inner, ast.Tuple):
        return annotation, None
    settings = [follower.value(each, function.scope) for each in inner.elts[1:]]
    found = [each for each in settings if isinstance(each, TyperSetting)]
    if len(found) != 1 or len(settings) != 1:
        return annotation, None if not found else TyperSetting(False, (), {}, True)
    return inner.elts[0], found[0]


def _shape(annotation: ast.expr | None) -> tuple[Kind | None, bool, bool] | None:
    """The type of a word, whether there may be many, whether it is a flag; None for others."""
    if annotation is None:
        return None, False, False
    name = ast.unparse(annotation)
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        name = annotation.value
    if name == "bool":
        return None, False, True
    if name in _KINDS:
        return _KINDS[name], False, False
    parts: list[ast.expr] = []
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        parts = [annotation.left, annotation.right]
    elif isinstance(annotation, ast.Subscript):
        outer = ast.unparse(annotation.value).rpartition(".")[2]
        if outer == "Optional":
            return _shape(annotation.slice)
        if outer in ("List", "list"):
            inner = _shape(annotation.slice)
            return None if inner is None or inner[1] or inner[2] else (inner[0], True, False)
    if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is None:
        return _shape(parts[0])
    return None


def _flags(name: str, setting: TyperSetting | None, *, flag: bool) -> tuple[str, ...] | None:
    values = list(setting.values) if setting else []
    if not values:
        dashed = name.lower().replace("_", "-").strip("-")
        return (f"--{dashed}", f"--no-{dashed}") if flag else (f"--{dashed}",)
    split = click_commands.split_flags(values)
    if split is None or not (split[0] or split[1]):
        return None
    return (*split[0], *split[1])
