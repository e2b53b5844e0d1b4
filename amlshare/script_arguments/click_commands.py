"""click: commands and groups, made by decorators."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from amlshare.script_arguments.accepted import Kind, Option, Parser, Place
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    Bound,
    Command,
    Decorator,
    External,
    Function,
    Given,
    known,
)

if TYPE_CHECKING:
    from amlshare.script_arguments.state import State

_KINDS: dict[str, Kind] = {
    "int": "int",
    "float": "float",
    "bool": "bool",
    "click.INT": "int",
    "click.FLOAT": "float",
    "click.BOOL": "bool",
    "click.IntRange": "int",
    "click.FloatRange": "float",
}
# Types of which each takes one word, whatever it then says of it.
_ONE_WORD = frozenset(
    """str click.STRING click.Path click.File click.DateTime click.UUID pathlib.Path click.Choice
    uuid.UUID datetime.datetime float int bool""".split()
) | frozenset(_KINDS)
_OPTION = frozenset(
    """show_default help default required type multiple is_flag flag_value count nargs metavar
    hidden show_choices show_envvar callback expose_value""".split()
)
_ARGUMENT = frozenset("type required default nargs metavar callback help expose_value".split())
_COMMAND = frozenset(
    "name help short_help epilog context_settings no_args_is_help hidden options_metavar".split()
)
_CONTEXT = frozenset("show_default max_content_width terminal_width help_option_names".split())
_PASSES = frozenset("click.pass_context click.pass_obj".split())


def call(follower: State, name: str, given: Given, node: ast.Call) -> Any:
    """``click.option(...)`` and its like, which are decorators; ``click.Choice(...)``."""
    place = follower.place(node)
    match name:
        case "click.option" | "click.argument":
            made = _option if name == "click.option" else _argument
            return Decorator(lambda function: _add(follower, function, made(given, place)))
        case "click.command" | "click.group":
            group = name == "click.group"
            return Decorator(lambda function: _command(follower, function, given, group, place))
        case "click.version_option" | "click.help_option":
            default = "--version" if name == "click.version_option" else "--help"
            return Decorator(
                lambda function: _add(follower, function, _ends(given, default, place))
            )
        case "click.Choice" if given.values and known(given.values[0]):
            return _choice(given)
        case "click.Path" | "click.File" | "click.DateTime" | "click.IntRange" | "click.FloatRange":
            return External(name)
        case _:
            return None


def _choice(given: Given) -> Any:
    """A choice of texts, as the tuple of them; one that minds no case is any text."""
    choices = given.values[0]
    sensitive = given.named.get("case_sensitive", True)
    texts = isinstance(choices, (list, tuple)) and all(isinstance(each, str) for each in choices)
    if not texts or sensitive is not True or len(given.values) > 1:
        return External("click.STRING")
    return ("click.Choice", tuple(choices))


def decorate(follower: State, decorator: Any, function: Function) -> Any:
    """A decorator that is no call: ``@click.command``, ``@cli.command``."""
    place = follower.place(function.node)
    if isinstance(decorator, External):
        if decorator.name in ("click.command", "click.group"):
            return _command(follower, function, Given(), decorator.name == "click.group", place)
        return function if decorator.name in _PASSES else None
    if isinstance(decorator, Bound) and isinstance(decorator.owner, Command):
        made = _under(follower, decorator, Given(), place)
        return made.apply(function) if isinstance(made, Decorator) else None
    return None


def method(follower: State, bound: Bound, given: Given, node: ast.Call) -> tuple[Any] | None:
    """A method of a command: calling it, or adding one to a group."""
    owner = bound.owner
    if not isinstance(owner, Command):
        return None
    match bound.name:
        case "command" | "group":
            return (_under(follower, bound, given, follower.place(node)),)
        case "add_command":
            _join(follower, owner, given)
            return (None,)
        case "__call__" | "main":
            start(follower, owner, given, follower.place(node))
            return (UNKNOWN,)
        case _:
            owner.open = owner.open or f"its command's {bound.name} is used"
            return (UNKNOWN,)


def _under(follower: State, bound: Bound, given: Given, place: Place) -> Any:
    """``@cli.command()``: a command that belongs to a group."""
    group = bound.owner

    def apply(function: Function) -> Function:
        made = _command(follower, function, given, bound.name == "group", place)
        name = given.values[0] if given.values else given.named.get("name")
        _enter(follower, group, name, made)
        return made

    if bound.name not in ("command", "group"):
        return None
    return Decorator(apply)


def _join(follower: State, group: Command, given: Given) -> None:
    command = given.values[0] if given.values else None
    name = given.values[1] if len(given.values) > 1 else given.named.get("name")
    if isinstance(command, Function):
        _enter(follower, group, name, command)
    else:
        group.open = "its commands are not all known"


def _enter(follower: State, group: Command, name: Any, function: Function) -> None:
    made = function.command
    if made is None or not follower.certain or not (name is None or isinstance(name, str)):
        group.open = group.open or "its commands are not all known"
        return
    for each in [name] if name else names(function):
        group.commands[each] = made


def names(function: Function) -> list[str]:
    """What click calls the command of a function; later versions leave out an ending."""
    given = getattr(function.node, "name", "").lower().replace("_", "-")
    shorter = [
        given.removesuffix(end)
        for end in ("-command", "-cmd", "-group", "-grp")
        if given.endswith(end)
    ]
    return [given, *shorter]


def _add(follower: State, function: Function, option: Option | None) -> Function:
    if option is None or not follower.certain:
        function.wrapped = True
        follower.unsure("it has options that are not known")
    else:
        function.options.append(option)
    return function


def _command(
    follower: State, function: Function, given: Given, group: bool, place: Place
) -> Function:
    command = Command(options=function.options[::-1], is_group=group, place=place)
    named = given.named
    if function.wrapped:
        command.open = "its function has decorators that are not known"
    allowed = _COMMAND | ({"invoke_without_command"} if group else set())
    if given.open or not named.keys() <= allowed or len(given.values) > 1 or not follower.certain:
        command.open = "its command has settings that are not known"
    command.optional = bool(named.get("invoke_without_command", False))
    context = named.get("context_settings") or {}
    if not isinstance(context, dict):
        command.open = "its command has settings that are not known"
    else:
        lenient = {"ignore_unknown_options", "allow_extra_args"} & context.keys()
        command.lenient = bool(lenient)
        if not context.keys() <= _CONTEXT | lenient:
            command.open = "its command has settings that are not known"
    flags = context.get("help_option_names", ["--help"]) if isinstance(context, dict) else []
    if known(flags) and isinstance(flags, (list, tuple)):
        command.options.append(
            Option(
                flags=tuple(map(str, flags)), name="help", place=place, most=0, least=0, ends=True
            )
        )
    function.command = command
    return function


def start(follower: State, command: Command, given: Given, place: Place) -> None:
    """The script calls its command."""
    argv = given.values[0] if given.values else given.named.get("args")
    plain = given.named.keys() <= {"args", "standalone_mode", "obj", "prog_name"}
    if given.open or not plain or len(given.values) > 1:
        argv = UNKNOWN
    if argv is None:
        argv = Argv(1)
    if isinstance(argv, Argv) and argv.start < 1:
        argv = UNKNOWN
    follower.parse(frozen(command), argv, command.open or "its commands are not all known", place)


def frozen(command: Command) -> Parser | None:
    """A command as a parser; None where it, or one of its commands, is not known whole."""
    if command.open:
        return None
    options = list(command.options)
    if command.is_group:
        made = {name: frozen(each) for name, each in command.commands.items()}
        whole = {name: each for name, each in made.items() if each is not None}
        if len(whole) < len(made) or any(not each.flags for each in options):
            return None
        required = not command.optional
        options.append(
            Option(
                name="command",
                place=command.place or Place(file="", line=1),
                required=required,
                least=int(required),
                most=None,
                rest=True,
                commands=whole,
            )
        )
    return Parser(style="click", options=tuple(options), lenient=command.lenient)


def _ends(given: Given, default: str, place: Place) -> Option | None:
    """``--version``: the command stops there."""
    flags = [each for each in given.values if isinstance(each, str) and each.startswith("-")]
    if given.open or "param_decls" in given.named:
        return None
    return Option(
        flags=tuple(flags or [default]), name="version", place=place, least=0, most=0, ends=True
    )


def split_flags(values: list[Any]) -> tuple[list[str], list[str], str | None] | None:
    """The flags of an option, those that turn it off, and its name in Python."""
    on: list[str] = []
    off: list[str] = []
    name = None
    for value in values:
        if not isinstance(value, str) or not value:
            return None
        if value.isidentifier():
            name = value
            continue
        marks = ";" if value[0] == "/" else "/"
        first, _, second = value.partition(marks)
        on += [first.strip()] if first.strip() else []
        off += [second.strip()] if second.strip() else []
    if any(not flag.startswith("-") for flag in (*on, *off)):
        return None
    return on, off, name


def _option(given: Given, place: Place) -> Option | None:
    """``@click.option(...)``; None where what it takes is not known."""
    split = split_flags(given.values)
    named = given.named
    prompts = named.keys() & {"prompt", "envvar", "prompt_required", "confirmation_prompt"}
    if given.open or split is None or not named.keys() <= _OPTION | {"prompt", "envvar"}:
        return None
    on, off, name = split
    if not on:
        return None
    words = _words(named, off=bool(off))
    kind = _kind(named)
    if words is None or kind is None:
        return None
    longest = max(on, key=lambda flag: len(flag) - len(flag.lstrip("-")))
    return Option(
        flags=(*on, *off),
        name=name or longest.lstrip("-").replace("-", "_").lower(),
        place=place,
        least=words,
        most=words,
        kind=kind[0] if words else None,
        choices=kind[1] if words else None,
        required=named.get("required") is True and not prompts and not _has_default(named),
        plain_default="default" not in named,
    )


def _has_default(named: dict[str, Any]) -> bool:
    return named.get("default") is not None


def _words(named: dict[str, Any], *, off: bool) -> int | None:
    """How many words an option takes, None where that is not known."""
    flag = named.get("is_flag")
    if flag not in (None, True, False) or named.get("count", False) not in (True, False):
        return None
    if flag or named.get("count") or off or ("flag_value" in named and flag is None):
        return 0
    if "flag_value" in named or (isinstance(named.get("default"), bool) and "type" not in named):
        return None
    number = named.get("nargs", 1)
    if type(number) is not int or number < 1:
        return None
    if isinstance(named.get("default"), (tuple, list)) and "nargs" not in named:
        return None if named.get("multiple") is not True else 1
    return number


def _kind(named: dict[str, Any]) -> tuple[Kind | None, tuple[Any, ...] | None] | None:
    """The type and the choices; None where the type may take several words."""
    kind = named.get("type")
    match kind:
        case None:
            default = named.get("default")
            if "default" not in named or isinstance(default, str) or default is None:
                return None, None
            if named.get("multiple") or "nargs" in named:
                return None, None
            if type(default) is int:
                return "int", None
            return ("float" if type(default) is float else None), None
        case External(name=name) if name in _ONE_WORD:
            return _KINDS.get(name), None
        case ("click.Choice", choices):
            return None, choices
        case Function():
            return None, None
        case _:
            return None


def _argument(given: Given, place: Place) -> Option | None:
    """``@click.argument(...)``."""
    named = given.named
    name = given.values[0] if len(given.values) == 1 else None
    number = named.get("nargs", 1)
    kind = _kind(named)
    if given.open or not named.keys() <= _ARGUMENT | {"envvar"} or not isinstance(name, str):
        return None
    if type(number) is not int or number == 0 or number < -1 or kind is None:
        return None
    default = "default" in named or "envvar" in named
    required = named.get("required", number > 0 and not default)
    if required not in (True, False):
        return None
    least = max(number, 1) if required and not default else 0
    return Option(
        name=name.lower().replace("-", "_"),
        place=place,
        least=least,
        most=None if number < 0 else number,
        kind=kind[0],
        choices=kind[1],
        required=least > 0,
    )
