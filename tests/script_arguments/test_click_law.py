"""The same law for click and typer: what their real commands take is not refused."""

from __future__ import annotations

from hypothesis import event, given, settings
from hypothesis import strategies as st
from script_arguments.test_argparse_law import command_line, ours_refused, really_refused

HEAD = "import click, typer\nfrom pathlib import Path\nfrom typing import *\n"
OPTIONS = ["'--in'", "'-i', '--input'", "'--in-dir'", "'--out_dir', 'out'", "'--epochs', '-n'"]
OPTIONS += ["'--no-cache/--cache'", "'-v', '--verbose'", "'--lr'", "'-q/-Q', 'quiet'"]
KINDS = ["type=int", "type=float", "type=click.INT", "default=3", "default='x'", "default=0.5"]
KINDS += ["type=click.Choice(['red', 'blue'])", "type=click.Path()", "type=bool", "type=Path", ""]
MORE = ["required=True", "multiple=True", "is_flag=True", "count=True", "nargs=2", "", "", ""]
MORE += ["flag_value='x'", "default=None", "envvar='X'", "hidden=True"]
ARGUMENTS = ["'source'", "'files', nargs=-1", "'pair', nargs=2", "'mode', required=False"]
ARGUMENTS += ["'size', type=int", "'level', default=3", "'files', nargs=-1, required=True"]


@st.composite
def decorator(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 3)) == 0:
        return f"@click.argument({draw(st.sampled_from(ARGUMENTS))})"
    words = [draw(st.sampled_from(each)) for each in (OPTIONS, KINDS, MORE)]
    return f"@click.option({', '.join(filter(None, words))})"


def alone(decorators: list[str]) -> str:
    return "\n".join(["@click.command()", *decorators, "def main(**named):\n    pass", "main()"])


def grouped(decorators: list[str]) -> str:
    first, rest = decorators[:1], decorators[1:]
    lines = ["@click.group()", *(each for each in first if "option" in each)]
    lines += ["def cli(**named):\n    pass", "@cli.command()", *rest]
    lines += ["def train(**named):\n    pass", "@cli.command('abc')", "def other():\n    pass"]
    return "\n".join([*lines, "if __name__ == '__main__':\n    cli()"])


PARAMETERS = ["source: Path", "size: int", "rate: float = 0.5", "epochs: int = typer.Option(3)"]
PARAMETERS += [
    "in_dir: str = typer.Option(..., '--in', '-i')",
    "cache: bool = True",
    "v: bool = False",
]
PARAMETERS += ["quiet: bool = typer.Option(False, '--quiet')", "lr: Optional[float] = None"]
PARAMETERS += ["n: Annotated[int, typer.Option('-n')] = 3", "files: List[Path] = typer.Option([])"]
PARAMETERS += ["out: Annotated[Path, typer.Option()]", "mode: str = typer.Argument('x')"]
PARAMETERS += ["many: List[int]", "pair: Tuple[int, int] = (1, 2)", "input: str | None = None"]


def typed(parameters: list[str]) -> str:
    names = ", ".join(["*", *parameters] if parameters else [])
    return f"def main({names}):\n    pass\nif __name__ == '__main__':\n    typer.run(main)"


def app(parameters: list[str]) -> str:
    names = ", ".join(["*", *parameters] if parameters else [])
    lines = ["app = typer.Typer()", "@app.command()", f"def train({names}):\n    pass"]
    lines += ["@app.command('abc')", "def other(epochs: int = 3):\n    pass"]
    return "\n".join([*lines, "app()"])


def check(source: str, lines: list[list[str]]) -> None:
    for words in lines:
        refused = really_refused(HEAD + source, words)
        ours = ours_refused(HEAD + source, words)
        event(f"really refused: {refused}, ours: {bool(ours)}")
        if refused is False:
            assert not ours, f"{source}\n{words}"


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([alone, grouped]),
    st.lists(decorator(), max_size=4, unique=True),
    st.lists(command_line(), min_size=1, max_size=4),
)
def test_what_a_real_command_takes_is_not_refused(form, decorators, lines):
    check(form(decorators), lines)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([typed, app]),
    st.lists(st.sampled_from(PARAMETERS), max_size=4, unique=True),
    st.lists(command_line(), min_size=1, max_size=4),
)
def test_what_a_real_function_takes_is_not_refused(form, parameters, lines):
    check(form(parameters), lines)
