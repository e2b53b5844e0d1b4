"""argparse: what its calls make of a parser."""

from __future__ import annotations

import ast
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from amlshare.script_arguments.accepted import Kind, Option, Parser
from amlshare.script_arguments.values import (
    UNKNOWN,
    Argv,
    Bound,
    Class,
    Commands,
    External,
    Function,
    Given,
    Group,
    OptionValue,
    ParserValue,
    known,
)

if TYPE_CHECKING:
    from amlshare.script_arguments.state import State

# What these say changes nothing of what is accepted.
_WORDING = frozenset(
    """prog usage description epilog formatter_class argument_default add_help allow_abbrev
    prefix_chars fromfile_prefix_chars parents conflict_handler exit_on_error suggest_on_error
    color help metavar title version deprecated""".split()
)
_OPTION = frozenset(
    "action nargs const default type choices required help metavar dest version deprecated".split()
)
_NO_WORDS = frozenset("store_const store_true store_false append_const count help version".split())
_WORDS = frozenset("store append extend".split())
# The least and the most words, and whether it takes all the rest.
_NARGS: dict[str | None, tuple[int, int | None, bool]] = {
    None: (1, 1, False),
    "?": (0, 1, False),
    "*": (0, None, False),
    "+": (1, None, False),
    "...": (0, None, True),
    "argparse.OPTIONAL": (0, 1, False),
    "argparse.ZERO_OR_MORE": (0, None, False),
    "argparse.ONE_OR_MORE": (1, None, False),
    "argparse.REMAINDER": (0, None, True),
}
_KINDS: dict[Any, Kind] = {External("int"): "int", External("float"): "float"}
_TEXTS = (None, External("str"))
_HARMLESS = frozenset(
    """print_help print_usage format_help format_usage get_default set_defaults""".split()
)
_numbers = itertools.count()


def decorate(_follower: State, _decorator: Any, _function: Function) -> None:
    """No decorator belongs to argparse."""


def call(follower: State, name: str, given: Given, _node: ast.Call) -> Any:
    """``argparse.ArgumentParser(...)``."""
    if name == "argparse.ArgumentParser":
        return _parser(follower, given)
    return None


def _parser(follower: State, given: Given) -> ParserValue:
    names = ("prog", "usage", "description", "epilog", "parents")
    named = dict(zip(names, given.values, strict=False)) | given.named
    parser = ParserValue()
    if given.open or len(given.values) > len(names) or not named.keys() <= _WORDING:
        parser.open = "its parser is made with settings that are not known"
    prefixes = named.get("prefix_chars", "-")
    files = named.get("fromfile_prefix_chars") or ""
    for value in (prefixes, files):
        if not isinstance(value, str):
            parser.open = "its parser is made with settings that are not known"
    parser.prefixes, parser.file_prefixes = str(prefixes), str(files)
    parser.abbreviates = named.get("allow_abbrev", True) is not False
    settings = {"add_help": True, "allow_abbrev": True}
    if any(not isinstance(named.get(key, value), bool) for key, value in settings.items()):
        parser.open = "its parser is made with settings that are not known"
    if (
        named.get("conflict_handler", "error") != "error"
        or named.get("exit_on_error", True) is not True
    ):
        parser.open = "its parser treats conflicts or errors in its own way"
    if named.get("add_help", True):
        dash = "-" if "-" in parser.prefixes else parser.prefixes[:1]
        flags = (f"{dash}h", f"{dash * 2}help")
        parser.options.append(
            Option(flags=flags, name="help", place=follower.place(), least=0, most=0, ends=True)
        )
    parents = named.get("parents", ())
    if not isinstance(parents, (list, tuple)):
        parents = [UNKNOWN]
    for parent in parents:
        _inherit(parser, parent)
    return parser


def _inherit(parser: ParserValue, parent: Any) -> None:
    if not isinstance(parent, ParserValue):
        parser.open = "its parser has parents that are not known"
        return
    parser.open = parser.open or parent.open
    parser.one_of += parent.one_of
    for option in parent.options:
        _add(parser, option)


def _add(parser: ParserValue, option: Any) -> None:
    if isinstance(option, Option):
        flags = {flag for each in parser.options for flag in getattr(each, "flags", ())}
        if flags & set(option.flags):
            parser.open = "two arguments have one flag"
    parser.options.append(option)


def set_attribute(follower: State, owner: Any, name: str, value: Any) -> None:
    """``parser.description = ...``, ``commands.required = True``."""
    if isinstance(owner, Commands) and name in ("required", "dest", "metavar", "help", "title"):
        if name == "required":
            certain = follower.certain and isinstance(value, bool)
            owner.required = bool(value) if certain else False
        return
    if isinstance(owner, OptionValue) and name == "required" and follower.certain:
        option = owner.parser.options[owner.index]
        if isinstance(option, Option) and isinstance(value, bool) and option.flags:
            owner.parser.options[owner.index] = replace(option, required=value)
            return
    if name in ("description", "epilog", "usage", "prog", "formatter_class", "help", "metavar"):
        return
    if isinstance(owner, (Group, ParserValue)) and name == "title":
        return
    parser = owner if isinstance(owner, ParserValue) else owner.parser
    parser.open = parser.open or f"its parser's {name} is changed"


def method(follower: State, bound: Bound, given: Given, node: ast.Call) -> tuple[Any] | None:
    """A method of a parser, a group or what ``add_subparsers`` gives; None for other methods."""
    owner = bound.owner
    if isinstance(owner, Bound):
        return _attribute_method(owner, bound.name)
    if isinstance(owner, Commands):
        return (_add_command(follower, owner, given, bound.name),)
    if not isinstance(owner, (ParserValue, Group)):
        return None
    parser = owner if isinstance(owner, ParserValue) else owner.parser
    exclusive = None if isinstance(owner, ParserValue) else owner.exclusive
    match bound.name:
        case "add_argument":
            return (_add_argument(follower, parser, exclusive, given, node),)
        case "add_argument_group":
            return (Group(parser, exclusive),)
        case "add_mutually_exclusive_group":
            return (_exclusive(follower, parser, given),)
        case "add_subparsers":
            return (_commands(follower, parser, given, node),)
        case "parse_args" | "parse_known_args":
            lenient = bound.name == "parse_known_args"
            return (_parse(follower, parser, given, node, lenient=lenient),)
        case _:
            return _other(follower, parser, bound.name, given)


def _other(follower: State, parser: ParserValue, name: str, given: Given) -> tuple[Any]:
    """A method that adds nothing and parses nothing."""
    if name == "error":
        follower.fail()
    if name == "exit":
        follower.exit(given)
    if name == "register" and given.values[:1] != ["type"]:
        parser.open = "its parser registers actions of its own"
    elif name not in _HARMLESS and name != "register":
        parser.open = parser.open or f"its parser's {name} is used"
    return (UNKNOWN,)


def _attribute_method(owner: Bound, name: str) -> tuple[Any] | None:
    """``parser._action_groups.pop()``, which only changes the help."""
    if not isinstance(owner.owner, (ParserValue, Group)):
        return None
    parser = owner.owner if isinstance(owner.owner, ParserValue) else owner.owner.parser
    if owner.name != "_action_groups" or name not in ("pop", "append", "insert"):
        parser.open = parser.open or f"its parser's {owner.name} is used"
    return (Group(parser),) if name == "pop" else (UNKNOWN,)


def _exclusive(follower: State, parser: ParserValue, given: Given) -> Group:
    number = next(_numbers)
    if given.named.get("required") is True and follower.certain:
        parser.one_of.append(number)
    return Group(parser, number)


def _commands(follower: State, parser: ParserValue, given: Given, node: ast.Call) -> Commands:
    required = given.named.get("required") is True
    dest = given.named.get("dest")
    name = dest if isinstance(dest, str) else "command"
    commands = Commands(parser, follower.place(node), required, name)
    if given.open or "parser_class" in given.named or "action" in given.named:
        parser.open = "its commands are made in a way that is not known"
    if not follower.certain:
        parser.open = parser.open or "it has commands only in some cases"
    parser.options.append(commands)
    return commands


def _add_command(follower: State, commands: Commands, given: Given, method: str) -> Any:
    name = given.values[0] if given.values else given.named.get("name")
    aliases = given.named.get("aliases", ())
    fits = isinstance(name, str) and isinstance(aliases, (list, tuple)) and known(aliases)
    if method != "add_parser" or given.open or not fits or not follower.certain:
        commands.parser.open = commands.parser.open or "its commands are not all known"
    settings = {key: each for key, each in given.named.items() if key not in ("name", "aliases")}
    made = _parser(follower, Given(named=settings, open=given.open))
    for each in (name, *aliases) if fits else ():
        commands.parsers[each] = made
    return made


def _add_argument(
    follower: State, parser: ParserValue, exclusive: int | None, given: Given, node: ast.Call
) -> Any:
    option = _option(follower, parser, given, node)
    if option is None or not follower.certain:
        missing = "it adds arguments that are not known, or only in some cases"
        parser.open = parser.open or missing
        return UNKNOWN
    _add(parser, replace(option, exclusive=exclusive))
    return OptionValue(parser, len(parser.options) - 1)


def _option(follower: State, parser: ParserValue, given: Given, node: ast.Call) -> Option | None:
    """What ``add_argument`` adds; None where that is not known."""
    flags, named = given.values, given.named
    if given.open or not named.keys() <= _OPTION:
        return None
    if not all(isinstance(flag, str) and flag for flag in flags):
        return None
    positional = not flags or (len(flags) == 1 and flags[0][0] not in parser.prefixes)
    if not positional and any(flag[0] not in parser.prefixes for flag in flags):
        return None
    dest = named.get("dest")
    words = _words(follower, named, positional=positional)
    if words is None or (positional and dest is not None and bool(flags)):
        return None
    if dest is UNKNOWN or not (isinstance(dest, str) or flags):
        return None
    least, most, rest = words
    action = named.get("action", "store")
    if action == External("argparse.BooleanOptionalAction"):
        flags = flags + [f"--no-{flag[2:]}" for flag in flags if flag.startswith("--")]
    default = named.get("default")
    return Option(
        flags=() if positional else tuple(flags),
        name=str(dest) if isinstance(dest, str) else _name(flags, parser.prefixes),
        place=follower.place(node),
        least=least,
        most=most,
        rest=rest,
        kind=_KINDS.get(named.get("type")) if _hashable(named.get("type")) else None,
        choices=_choices(named),
        required=named.get("required") is True,
        ends=action in ("help", "version"),
        plain_default=default is None and "default" not in named,
    )


def _words(
    follower: State, named: dict[str, Any], *, positional: bool
) -> tuple[int, int | None, bool] | None:
    """The least and the most words that an argument takes, and whether it takes all the rest."""
    action = named.get("action", "store")
    if action is None:
        action = "store"
    if action == External("argparse.BooleanOptionalAction") or (
        isinstance(action, str) and action in _NO_WORDS
    ):
        return None if positional else (0, 0, False)
    own = isinstance(action, Class) and follower.is_plain_action(action)
    if not own and not (isinstance(action, str) and action in _WORDS):
        return None
    number = named.get("nargs")
    if type(number) is int and number > 0:
        return number, number, False
    if isinstance(number, External):
        number = number.name
    return _NARGS.get(number) if number is None or isinstance(number, str) else None


def _choices(named: dict[str, Any]) -> tuple[Any, ...] | None:
    """The choices, where the type is one whose values can be held against them."""
    choices, kind = named.get("choices"), named.get("type")
    text = not _hashable(kind) or kind not in _TEXTS
    if text and (not _hashable(kind) or kind not in _KINDS):
        return None
    if isinstance(choices, dict):
        choices = tuple(choices) if known(tuple(choices)) else None
    if not isinstance(choices, (list, tuple, set, frozenset, range)) or not known(choices):
        return None
    return tuple(choices) if len(choices) <= 1000 else None


def _hashable(value: Any) -> bool:
    return value is None or isinstance(value, (str, External, Function, Class))


def _name(flags: list[str], prefixes: str) -> str:
    """The name that argparse gives an argument."""
    if flags[0][0] not in prefixes:
        return flags[0]
    long = next((f for f in flags if len(f) > 1 and f[1] in prefixes), flags[0])
    return long.lstrip(prefixes).replace("-", "_")


def _parse(
    follower: State, parser: ParserValue, given: Given, node: ast.Call, *, lenient: bool
) -> Any:
    argv = given.values[0] if given.values else given.named.get("args")
    if argv is None:
        argv = Argv(1)
    made = None
    if given.open or (isinstance(argv, Argv) and argv.start < 1):
        argv = UNKNOWN
    elif parser.open is None:
        made = frozen(parser, lenient=lenient or follower.parallel)
    place = follower.place(node)
    follower.parse(made, argv, parser.open or "its commands are not all known", place)
    return (UNKNOWN, UNKNOWN) if lenient else UNKNOWN


def frozen(parser: ParserValue, *, lenient: bool) -> Parser | None:
    """A parser as it is now; None where one of its commands is not known whole."""
    options: list[Option] = []
    for option in parser.options:
        if isinstance(option, Commands):
            made = {name: _command(each, lenient=lenient) for name, each in option.parsers.items()}
            whole = {name: each for name, each in made.items() if each is not None}
            if len(whole) < len(made):
                return None
            options.append(
                Option(
                    name=option.name,
                    place=option.place,
                    required=option.required,
                    least=int(option.required),
                    rest=True,
                    most=None,
                    commands=whole,
                )
            )
        else:
            options.append(option)
    return Parser(
        options=tuple(options),
        lenient=lenient,
        prefixes=parser.prefixes,
        file_prefixes=parser.file_prefixes,
        abbreviates=parser.abbreviates,
        one_of=tuple(parser.one_of),
    )


def _command(parser: ParserValue, *, lenient: bool) -> Parser | None:
    return None if parser.open else frozen(parser, lenient=lenient)
