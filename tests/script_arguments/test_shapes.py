"""The shapes in which public step scripts take their arguments, and what is said of each.

Each shape was met in scripts of Azure ML examples, of MLOps templates or of research code, and is
written down here in words of its own. Where a shape stands alone, its verdict is also held against
what really happens when it is run.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest
from script_arguments.test_argparse_law import really_refused

from amlshare.script_arguments import Accepted, Word, match, read
from amlshare.scripts import Sources


def accepted(folder: Path, files: dict[str, str], *, parallel: bool = False) -> Accepted:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))
    sources = Sources({name: folder / name for name in sorted(files)})
    return read(sources, "main.py", parallel=parallel)


def verdict(found: Accepted, words: str) -> set[str]:
    """What is said of a line of words, without a `~` for those that only a run knows."""
    given = [
        Word(text=word.removeprefix("~"), certain=word[0] != "~", key=key)
        for key, word in enumerate(words.split())
    ]
    troubles = {
        refusal.trouble
        for parsing in found.parsings
        for refusal in match(parsing.parser, given[parsing.start :]).refusals
    }
    for each in found.counted:
        troubles |= {"few"} if len(given) < each.least else set()
        troubles |= {"many"} if each.most is not None and len(given) > each.most else set()
    return troubles


class Shape(NamedTuple):
    """A script, and lines of words with what is said of each; ``-`` for nothing."""

    name: str
    source: str
    lines: dict[str, str]
    unclear: bool = False


ARGPARSE = [
    Shape(
        "at the top of the module",
        """
        import argparse
        parser = argparse.ArgumentParser("train")
        parser.add_argument("--training_data", type=str, help="path")
        parser.add_argument("--max_epochs", type=int, help="epochs")
        parser.add_argument("--learning_rate", type=float)
        parser.add_argument("--model_output", type=str)
        args = parser.parse_args()
        print(f"epochs: {args.max_epochs}")
        """,
        {
            "--training_data ~/in --max_epochs 5 --learning_rate 0.1": "-",
            "--max_epocs 5": "unknown",
            "--max_epochs five": "type",
            "--max_epochs 5.0": "type",
            "--max_epochs ~five": "-",
            "--learning_rate 1e-3": "-",
            "--max_epochs": "count",
            "--max 5 --learn .5": "-",
            "--m 5": "ambiguous",
            "": "-",
        },
    ),
    Shape(
        "in main, below a guard",
        """
        import argparse
        import os

        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument('--output_path', type=str, required=True)
            parser.add_argument('--input_path', type=str, required=True)
            args = parser.parse_args()
            print(args.input_path, args.output_path)

        if __name__ == "__main__":
            main()
        """,
        {
            "--input_path a --output_path b": "-",
            "--input_path a": "missing",
            "extra": "missing count",
        },
    ),
    Shape(
        "a function that parses and returns, called below the guard",
        """
        import argparse
        def main(args):
            print(args.lr)
        def parse_args():
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float, default=1e-3)
            args = parser.parse_args()
            return args
        if __name__ == '__main__':
            print("*" * 60)
            args = parse_args()
            main(args)
        """,
        {"--lr 0.1": "-", "--lr fast": "type", "--rate 1": "unknown"},
    ),
    Shape(
        "no arguments at all",
        """
        import argparse
        def parse_args():
            parser = argparse.ArgumentParser()
            args = parser.parse_args()
            return args
        args = parse_args()
        """,
        {"": "-", "--data x": "unknown", "word": "count"},
    ),
    Shape(
        "a parser handed to a helper",
        """
        from argparse import ArgumentParser
        def add_common(parser):
            parser.add_argument("-c", "--cohort", default="now")
            parser.add_argument("-s", "--students", nargs="*")
        parser = ArgumentParser()
        add_common(parser)
        parser.add_argument("--epoch", type=int, required=True)
        args = parser.parse_args()
        """,
        {"--epoch 1 -s a b c": "-", "--epoch 1 --cohort": "count", "-c x": "missing"},
    ),
    Shape(
        "a helper that adds one argument from its own arguments",
        """
        import argparse
        def add(parser, name, kind, default=None, required=False, help=None):
            parser.add_argument(name, type=kind, default=default, required=required, help=help)
        parser = argparse.ArgumentParser()
        add(parser, "--steps", int, required=True)
        add(parser, "--note", str)
        parser.parse_args()
        """,
        {"--steps 3": "-", "--steps x": "type", "--note x": "missing"},
    ),
    Shape(
        "a loop over names",
        """
        import argparse
        parser = argparse.ArgumentParser()
        for name in ("train", "test", "valid"):
            parser.add_argument(f"--{name}_path", required=True)
            parser.add_argument("--" + name + "-size", type=int)
        parser.parse_args()
        """,
        {
            "--train_path a --test_path b --valid_path c": "-",
            "--train_path a --test_path b": "missing",
            "--train_path a --test_path b --valid_path c --train-size x": "type",
        },
    ),
    Shape(
        "a loop over a table of settings",
        """
        import argparse
        ARGUMENTS = {"--a": dict(type=int), "--b": {"choices": ["x", "y"]}}
        parser = argparse.ArgumentParser()
        for flag, named in ARGUMENTS.items():
            parser.add_argument(flag, **named)
        parser.parse_args()
        """,
        {"--a 1 --b x": "-", "--b z": "choice", "--a z": "type", "--c 1": "unknown"},
    ),
    Shape(
        "booleans by a function",
        """
        import argparse
        def str2bool(v):
            if v.lower() in ("yes", "true"):
                return True
            raise argparse.ArgumentTypeError("a boolean is expected")
        parser = argparse.ArgumentParser()
        parser.add_argument("--nice", type=str2bool, nargs="?", const=True, default=False)
        parser.add_argument("--flag", type=lambda x: bool(int(x)))
        parser.parse_args()
        """,
        {"--nice": "-", "--nice whatever": "-", "--flag whatever": "-", "--nice a b": "count"},
    ),
    Shape(
        "flags that store",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--train", dest="train", action="store_true")
        parser.add_argument("--no-test", dest="test", action="store_false")
        parser.add_argument("-v", "--verbose", action="count", default=0)
        parser.add_argument("-n", "--name", dest="names", action="append")
        parser.add_argument("--cache", action=argparse.BooleanOptionalAction, default=True)
        parser.parse_args()
        """,
        {
            "--train --no-test -vvv": "-",
            "--train true": "count",
            "--train=true": "count",
            "-n a -n b": "-",
            "--no-cache": "-",
            "--no-train": "unknown",
            "-vn x": "-",
        },
    ),
    Shape(
        "groups with titles",
        """
        import argparse
        parser = argparse.ArgumentParser()
        optional = parser._action_groups.pop()
        required = parser.add_argument_group("required arguments")
        required.add_argument("-i", "--input", required=True)
        optional.add_argument("-o", "--output")
        parser._action_groups.append(optional)
        parser.parse_args()
        """,
        {"-i a": "-", "-o a": "missing", "-i a -p b": "unknown"},
    ),
    Shape(
        "a group of arguments and an exclusive one",
        """
        import argparse
        parser = argparse.ArgumentParser()
        named = parser.add_argument_group(title="required arguments")
        named.add_argument("-c", "--computer", help="which", required=True)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("-tr", "--train", action="store_true")
        which.add_argument("-te", "--test", action="store_true")
        parser.parse_args()
        """,
        {"-c x -tr": "-", "-c x --train --test": "conflict", "--train": "missing"},
    ),
    Shape(
        "one of two is required",
        """
        import argparse
        parser = argparse.ArgumentParser()
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--gpu", type=int)
        which.add_argument("--cpu", action="store_true")
        parser.parse_args()
        """,
        {"--gpu 0": "-", "": "missing", "--gpu 0 --cpu": "conflict"},
    ),
    Shape(
        "commands",
        """
        from argparse import ArgumentParser
        parser = ArgumentParser()
        subparsers = parser.add_subparsers()
        train = subparsers.add_parser("train")
        train.add_argument("--num_epochs", default=100, type=int)
        train.add_argument("--model_name", required=True, type=str)
        evaluate = subparsers.add_parser("evaluate", aliases=["eval"])
        evaluate.add_argument("--path_to_model", required=True)
        args = parser.parse_args()
        """,
        {
            "train --model_name x": "-",
            "train": "missing",
            "eval --path_to_model x": "-",
            "trian --model_name x": "choice",
            "train --model_name x --path_to_model y": "unknown",
            "": "-",
        },
    ),
    Shape(
        "a command is required later",
        """
        import argparse
        parser = argparse.ArgumentParser()
        commands = parser.add_subparsers(dest="command")
        commands.required = True
        commands.add_parser("fit").add_argument("data")
        parser.parse_args()
        """,
        {"fit x": "-", "": "missing", "fit": "missing"},
    ),
    Shape(
        "parents",
        """
        import argparse
        def shared():
            parser = argparse.ArgumentParser(add_help=False)
            parser.add_argument("-d", "--dataset", required=True)
            return parser
        parser = argparse.ArgumentParser(parents=[shared()], description=__doc__)
        parser.add_argument("--seed", type=int)
        parser.parse_args()
        """,
        {"-d x --seed 1": "-", "--seed 1": "missing", "-d x --seed one": "type"},
    ),
    Shape(
        "unknown ones are let pass",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--environ", default="")
        parser.add_argument("--size", type=int, required=True)
        args, _ = parser.parse_known_args()
        """,
        {"--size 1 --other x y": "-", "--size x": "type", "--other": "missing"},
    ),
    Shape(
        "two parsers in turn, the second for the rest",
        """
        import argparse
        import sys
        def main(argv=None):
            if argv is None:
                argv = sys.argv
            first = argparse.ArgumentParser(add_help=False)
            first.add_argument("-c", "--conf_file", metavar="FILE")
            args, remaining = first.parse_known_args()
            parser = argparse.ArgumentParser(parents=[first])
            parser.add_argument("--gpu")
            args = parser.parse_args(remaining)
        main()
        """,
        {"--gpu 1": "-", "--cpu 1": "-", "-c": "count"},
        unclear=True,
    ),
    Shape(
        "parsed twice",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--count", type=int, default=0)
        args = parser.parse_args()
        args, unknown = parser.parse_known_args()
        """,
        {"--count 1": "-", "--count x": "type", "--cuont 1": "unknown"},
    ),
    Shape(
        "words given in the code",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, required=True)
        args = parser.parse_args(["--epochs", "20"])
        args = parser.parse_args(args=[] if False else "--epochs 3".split())
        """,
        {"--whatever": "-"},
    ),
    Shape(
        "main takes the words",
        """
        import argparse
        import sys
        def main(argv):
            parser = argparse.ArgumentParser()
            parser.add_argument("data")
            parser.add_argument("--k", type=int, choices=[1, 2, 3])
            return parser.parse_args(argv)
        if __name__ == "__main__":
            sys.exit(main(sys.argv[1:]) and None)
        """,
        {"x --k 2": "-", "x --k 7": "choice", "--k 2": "missing", "x y": "count"},
    ),
    Shape(
        "a command of its own before the rest",
        """
        import argparse
        import sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--rate", type=float)
        args = parser.parse_args(sys.argv[2:])
        """,
        {"train --rate 1": "-", "train --rat x": "type", "train --race 1": "unknown"},
    ),
    Shape(
        "help is printed where there are no words",
        """
        import argparse
        import sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", required=True)
        if len(sys.argv) == 1:
            parser.print_help()
            sys.exit(1)
        args = parser.parse_args()
        """,
        {"--data x": "-", "--date x": "unknown missing", "": "missing few"},
    ),
    Shape(
        "a script that ends well without words",
        """
        import argparse
        import sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", required=True)
        if len(sys.argv) == 1:
            sys.exit()
        args = parser.parse_args()
        """,
        {"": "-", "--date x": "-"},
        unclear=True,
    ),
    Shape(
        "a parser only in notebooks' way",
        """
        import argparse
        import os
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", required=True)
        if "IPYTHON" in os.environ:
            args = parser.parse_args([])
        else:
            args = parser.parse_args()
        """,
        {"--date x": "-"},
        unclear=True,
    ),
    Shape(
        "an exit that is caught",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", required=True)
        try:
            args = parser.parse_args()
        except SystemExit:
            args = parser.parse_args(["--data", "x"])
        """,
        {"--date x": "-"},
        unclear=True,
    ),
    Shape(
        "other errors that are caught",
        """
        import argparse
        def main():
            parser = argparse.ArgumentParser()
            parser.add_argument("--data", required=True)
            args = parser.parse_args()
        try:
            main()
        except FileNotFoundError as error:
            raise SystemExit(f"there is no file {error.filename}")
        """,
        {"--data x": "-", "--date x": "unknown missing"},
    ),
    Shape(
        "an argument only where a module is there",
        """
        import argparse
        try:
            import torch_that_is_not_there
        except ImportError:
            torch_that_is_not_there = None
        parser = argparse.ArgumentParser()
        if torch_that_is_not_there:
            parser.add_argument("--cuda", action="store_true")
        parser.parse_args()
        """,
        {"--other": "-"},
        unclear=True,
    ),
    Shape(
        "a default from the environment",
        """
        import argparse
        import os
        parser = argparse.ArgumentParser()
        parser.add_argument("--model-dir", default=os.environ.get("MODEL_DIR", "/tmp"))
        parser.add_argument("--hosts", type=list, default=os.environ.get("HOSTS"))
        args, _ = parser.parse_known_args()
        """,
        {"--model-dir x --hosts y": "-", "--model-dir": "count"},
    ),
    Shape(
        "positional words",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("source")
        parser.add_argument("targets", nargs="+")
        parser.add_argument("--format", choices=("csv", "json"), default="csv")
        parser.parse_args()
        """,
        {"a b c": "-", "a": "missing", "a b --format xml": "choice", "--format csv a b": "-"},
    ),
    Shape(
        "numbers that are negative",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--offset", type=int)
        parser.add_argument("--size", nargs=2, type=float, metavar=("W", "H"))
        parser.parse_args()
        """,
        {
            "--offset -3": "-",
            "--offset --size 1 2": "count",
            "--size 1": "count",
            "--size -1 .5": "-",
        },
    ),
    Shape(
        "no abbreviations",
        """
        import argparse
        parser = argparse.ArgumentParser(allow_abbrev=False)
        parser.add_argument("--learning-rate", type=float)
        parser.parse_args()
        """,
        {"--learning-rate 1": "-", "--learn 1": "unknown", "--learning-rate=x": "type"},
    ),
    Shape(
        "other prefixes",
        """
        import argparse
        parser = argparse.ArgumentParser(prefix_chars="-+", fromfile_prefix_chars="@")
        parser.add_argument("+x", action="store_true")
        parser.add_argument("--y")
        parser.parse_args()
        """,
        {"+x --y 1": "-", "+z": "unknown", "@file --nope": "-"},
    ),
    Shape(
        "choices of a type",
        """
        import argparse
        MODELS = {"tree": object, "forest": object}
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", choices=list(MODELS.keys()))
        parser.add_argument("--depth", type=int, choices=range(1, 4))
        parser.add_argument("--mode", type=str.lower, choices=["a", "b"])
        parser.add_argument("--fold", choices=sorted(["1", "2"]), default="1")
        parser.parse_args()
        """,
        {
            "--model tree --depth 3 --mode A --fold 2": "-",
            "--model tre": "choice",
            "--depth 4": "choice",
            "--depth x": "type",
            "--fold 3": "choice",
        },
    ),
    Shape(
        "an action of its own",
        """
        import argparse
        class Pairs(argparse.Action):
            def __call__(self, parser, namespace, values, option_string=None):
                setattr(namespace, self.dest, dict(each.split("=") for each in values))
        parser = argparse.ArgumentParser()
        parser.add_argument("--set", action=Pairs, nargs="+")
        parser.parse_args()
        """,
        {"--set a=1 b=2": "-", "--set": "count", "--get a=1": "unknown"},
    ),
    Shape(
        "an action that decides how many words it takes",
        """
        import argparse
        class Flag(argparse.Action):
            def __init__(self, *args, **named):
                super().__init__(*args, nargs=0, **named)
            def __call__(self, parser, namespace, values, option_string=None):
                setattr(namespace, self.dest, True)
        parser = argparse.ArgumentParser()
        parser.add_argument("--set", action=Flag)
        parser.parse_args()
        """,
        {"--set": "-", "--get": "-"},
        unclear=True,
    ),
    Shape(
        "the rest of the words",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--conf")
        parser.add_argument("command", nargs=argparse.REMAINDER)
        parser.parse_args()
        """,
        {"--conf x python -m tool --any": "-", "--nope": "-"},
    ),
    Shape(
        "a name for the method",
        """
        import argparse
        parser = argparse.ArgumentParser()
        arg = parser.add_argument
        arg("--a", type=int)
        arg("--b")
        parser.parse_args()
        """,
        {"--a 1 --b x": "-", "--a x": "type", "--c": "unknown"},
    ),
    Shape(
        "defaults that are set, and a version",
        """
        import argparse
        parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        parser.add_argument("--version", action="version", version="1.0")
        parser.add_argument("--gpu", default="0")
        parser.set_defaults(**{"gpu": "1"})
        parser.parse_args()
        """,
        {"--version --nope": "-", "--gpu 2": "-", "--cpu": "unknown"},
    ),
    Shape(
        "a function in a function",
        """
        import argparse
        def main():
            def arguments():
                parser = argparse.ArgumentParser()
                parser.add_argument("--a", type=int)
                return parser
            def run(parser):
                return vars(parser.parse_args())
            run(arguments())
        if __name__ == "__main__":
            main()
        """,
        {"--a 1": "-", "--a x": "type"},
    ),
    Shape(
        "a list of words that grows",
        """
        import argparse
        choices = ["a"]
        choices.append("b")
        choices += ["c"]
        parser = argparse.ArgumentParser()
        parser.add_argument("--x", choices=choices)
        parser.parse_args()
        """,
        {"--x c": "-", "--x d": "choice"},
    ),
    Shape(
        "words that are changed first",
        """
        import argparse
        import sys
        if "--debug" in sys.argv:
            sys.argv.remove("--debug")
        parser = argparse.ArgumentParser()
        parser.add_argument("--x")
        parser.parse_args()
        """,
        {"--debug": "-", "--x 1": "-"},
        unclear=True,
    ),
    Shape(
        "arguments for whatever words there are",
        """
        import argparse
        import sys
        parser = argparse.ArgumentParser()
        for word in sys.argv[1:]:
            if word.startswith("--"):
                parser.add_argument(word)
        parser.parse_args()
        """,
        {"--any thing": "-"},
        unclear=True,
    ),
    Shape(
        "a class that parses",
        """
        import argparse
        class Options:
            def __init__(self):
                self.parser = argparse.ArgumentParser()
                self.parser.add_argument("--x")
            def parse(self):
                return self.parser.parse_args()
        options = Options().parse()
        """,
        {"--y 1": "-", "--x 1": "-"},
        unclear=True,
    ),
    Shape(
        "a parser of its own kind",
        """
        import argparse
        class Parser(argparse.ArgumentParser):
            def error(self, message):
                print("never mind", message)
        parser = Parser()
        parser.add_argument("--x")
        args = parser.parse_known_args()
        """,
        {"--y 1": "-"},
        unclear=True,
    ),
    Shape(
        "checks after parsing",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--x", type=int, default=1)
        args = parser.parse_args()
        if args.x < 0:
            parser.error("too small")
        """,
        {"--x 1": "-", "--x a": "type"},
    ),
    Shape(
        "a loop that parses",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--x", type=int)
        while True:
            args = parser.parse_args()
            break
        """,
        {"--x a": "-"},
        unclear=True,
    ),
    Shape(
        "both branches add it",
        """
        import argparse
        import sys
        parser = argparse.ArgumentParser()
        if sys.maxsize > 2**32:
            parser.add_argument("--x", default="wide")
        else:
            parser.add_argument("--x", default="narrow")
        parser.parse_args()
        """,
        {"--y": "-"},
        unclear=True,
    ),
    Shape(
        "a required argument that is made optional again",
        """
        import argparse
        parser = argparse.ArgumentParser()
        x = parser.add_argument("--x", required=True)
        x.required = False
        parser.parse_args()
        """,
        {"": "-", "--y": "unknown"},
    ),
    Shape(
        "a class that adds to a parser of the module",
        """
        import argparse
        parser = argparse.ArgumentParser()
        class Adds:
            def add(self):
                parser.add_argument("--x")
        Adds().add()
        parser.parse_args()
        """,
        {"--x 1": "-", "--y": "-"},
        unclear=True,
    ),
    Shape(
        "a function that a decorator calls",
        """
        import argparse
        parser = argparse.ArgumentParser()
        def at_once(function):
            function()
            return function
        @at_once
        def add():
            parser.add_argument("--x")
        parser.parse_args()
        """,
        {"--x 1": "-", "--y": "-"},
        unclear=True,
    ),
    Shape(
        "a function that is handed on",
        """
        import argparse
        parser = argparse.ArgumentParser()
        def add(name):
            parser.add_argument(name)
        list(map(add, ["--x"]))
        parser.parse_args()
        """,
        {"--x 1": "-", "--y": "-"},
        unclear=True,
    ),
    Shape(
        "a group of the parser's own",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser._optionals.title = "flags"
        parser._optionals.add_argument("--x")
        parser.parse_args()
        """,
        {"--x 1": "-", "--y": "-"},
        unclear=True,
    ),
    Shape(
        "a generator that adds",
        """
        import argparse
        parser = argparse.ArgumentParser()
        def added():
            yield parser.add_argument("--x")
        for each in added():
            pass
        parser.parse_args()
        """,
        {"--x 1": "-", "--y": "-"},
        unclear=True,
    ),
    Shape(
        "a parser that is copied",
        """
        import argparse, copy
        parser = argparse.ArgumentParser()
        parser.add_argument("--x")
        other = copy.deepcopy(parser)
        parser.parse_args()
        """,
        {"--y": "-"},
        unclear=True,
    ),
]

BY_HAND = [
    Shape(
        "two words",
        """
        import sys
        input_file = sys.argv[1]
        output_file = sys.argv[2]
        """,
        {"a b": "-", "a": "few", "a b c": "-"},
    ),
    Shape(
        "a number of words that is checked",
        """
        import sys
        if __name__ == "__main__":
            if len(sys.argv) != 3:
                raise ValueError("usage: main.py IN OUT")
            source, target = sys.argv[1], sys.argv[2]
        """,
        {"a b": "-", "a": "few", "a b c": "many"},
    ),
    Shape(
        "a number of words that is checked, with an exit",
        """
        import sys
        if len(sys.argv) < 3:
            sys.stderr.write("not enough")
            sys.exit(1)
        print(sys.argv[1:])
        """,
        {"a b": "-", "a": "few", "a b c": "-"},
    ),
    Shape(
        "words that may be there",
        """
        import sys
        name = sys.argv[1] if len(sys.argv) > 1 else "x"
        if len(sys.argv) > 2:
            other = sys.argv[2]
        """,
        {"": "-", "a b": "-"},
    ),
    Shape(
        "words taken apart",
        """
        import sys
        _, source, target = sys.argv
        """,
        {"a b": "-", "a": "few", "a b c": "many"},
    ),
    Shape(
        "the rest of the words",
        """
        import sys
        first, *rest = sys.argv[1:]
        """,
        {"a": "-", "a b c": "-", "": "few"},
    ),
    Shape(
        "a missing word is caught",
        """
        import sys
        try:
            name = sys.argv[1]
        except IndexError:
            name = "x"
        """,
        {"": "-"},
    ),
    Shape(
        "in a function that may be called",
        """
        import sys
        def usage():
            return sys.argv[3]
        if sys.maxsize < 0:
            usage()
        """,
        {"": "-"},
    ),
]

ALONE = ARGPARSE + BY_HAND


@pytest.mark.parametrize("shape", ALONE, ids=lambda shape: shape.name)
def test_a_shape_has_its_verdict(shape: Shape, tmp_path: Path):
    found = accepted(tmp_path, {"main.py": shape.source})
    said = {words: " ".join(sorted(verdict(found, words))) or "-" for words in shape.lines}
    assert said == {words: " ".join(sorted(each.split())) for words, each in shape.lines.items()}
    assert bool(found.unclear) == shape.unclear


@pytest.mark.parametrize("shape", ALONE, ids=lambda shape: shape.name)
def test_what_is_refused_really_fails(shape: Shape):
    source = dedent(shape.source)
    for words, said in shape.lines.items():
        refused = really_refused(source, words.replace("~", "").split())
        assert said == "-" or refused is not False


FOLDERS = {
    "a parser in another module": (
        {
            "main.py": "from utils.args import get_args\nargs = get_args()\n",
            "utils/__init__.py": "",
            "utils/args.py": "import argparse\ndef get_args():\n    p = argparse.ArgumentParser()\n"
            "    p.add_argument('--x', type=int)\n    return p.parse_args()\n",
        },
        {"--x 1": "-", "--x a": "type", "--y": "unknown"},
    ),
    "parsed when a module is imported": (
        {
            "main.py": "import common\nprint(common.args.x)\n",
            "common.py": "import config\nargs = config.args\n",
            "config.py": "import argparse\np = argparse.ArgumentParser()\n"
            "p.add_argument('--x', required=True)\nargs = p.parse_args()\n",
        },
        {"--x 1": "-", "": "missing"},
    ),
    "names of arguments in another module": (
        {
            "main.py": "import argparse\nfrom constants import FLAGS as flags\n"
            "p = argparse.ArgumentParser()\nfor f in flags:\n    p.add_argument(f)\np.parse_args()",
            "constants.py": "FLAGS = ['--a', '--b']\n",
        },
        {"--a 1 --b 2": "-", "--c": "unknown"},
    ),
    "arguments that each module adds": (
        {
            "main.py": "import argparse\nfrom models import net\nimport data.loader as loader\n"
            "p = argparse.ArgumentParser()\nnet.add_args(p)\nloader.add_args(parser=p)\n"
            "args = p.parse_args()\n",
            "models/net.py": "def add_args(p):\n    p.add_argument('--depth', type=int)\n",
            "data/loader.py": "def add_args(parser):\n    parser.add_argument('--root')\n"
            "    return parser\n",
        },
        {"--depth 1 --root x": "-", "--depth x": "type", "--rot x": "unknown"},
    ),
    "a module that is imported for what it adds": (
        {
            "main.py": "from opts import parser\nimport plugins\nargs = parser.parse_args()\n",
            "opts.py": "import argparse\nparser = argparse.ArgumentParser()\n",
            "plugins.py": "import more\n",
            "more.py": "import opts\nopts.parser.add_argument('--x', type=int)\n",
        },
        {"--x 1": "-", "--x a": "type", "--y": "unknown"},
    ),
    "arguments from a package that is not here": (
        {
            "main.py": "import argparse\nimport deepspeed\np = argparse.ArgumentParser()\n"
            "p.add_argument('--x')\np = deepspeed.add_config_arguments(p)\np.parse_args()\n"
        },
        {"--deepspeed": "-", "--y": "-"},
    ),
    "run by absl": (
        {"main.py": "from absl import app\ndef main(argv):\n    print(argv[9])\napp.run(main)\n"},
        {"--y": "-"},
    ),
    "run by hydra": (
        {
            "main.py": "import hydra\n@hydra.main()\ndef main(cfg):\n    print(cfg)\n"
            "if __name__ == '__main__':\n    main()\n"
        },
        {"a.b=1": "-"},
    ),
    "run by fire": (
        {"main.py": "import fire\ndef main(x):\n    print(x)\nfire.Fire(main)\n"},
        {"--y 1": "-"},
    ),
    "overridden by exec": (
        {
            "main.py": "import argparse\nexec(open('a.py').read())\n"
            "argparse.ArgumentParser().parse_args()\n"
        },
        {"--y 1": "-"},
    ),
    "dataclasses by a library": (
        {
            "main.py": "from transformers import HfArgumentParser\np = HfArgumentParser((int,))\n"
            "args = p.parse_args_into_dataclasses()\n"
        },
        {"--y 1": "-"},
    ),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_has_its_verdict(name: str, tmp_path: Path):
    files, lines = FOLDERS[name]
    found = accepted(tmp_path, files)
    said = {words: " ".join(sorted(verdict(found, words))) or "-" for words in lines}
    assert said == lines


PARALLEL = """
import argparse
def init():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--size", type=int)
    args = parser.parse_args()
def run(mini_batch):
    return mini_batch
if __name__ == "__main__":
    argparse.ArgumentParser().parse_args()
"""


def test_a_parallel_script_gets_words_of_its_caller_too(tmp_path: Path):
    found = accepted(tmp_path, {"main.py": PARALLEL}, parallel=True)
    assert verdict(found, "--model m --other x") == set()
    assert verdict(found, "--size x") == {"missing", "type"}


CLICK = [
    Shape(
        "one command",
        """
        import click
        @click.command()
        @click.option("-d", "--dataset-path", default="train.csv", type=click.Path(path_type=str))
        @click.option("--config", help="path")
        @click.option("--iterations", default=10, show_default=True)
        @click.option("--use-scaler/--no-scaler", default=True)
        def train(dataset_path, config, iterations, use_scaler):
            print(dataset_path, config, iterations)
        if __name__ == "__main__":
            train()
        """,
        {
            "-d x --iterations 5 --no-scaler": "-",
            "--iterations many": "type",
            "--iteration 5": "unknown",
            "--config": "count",
            "word": "count",
        },
    ),
    Shape(
        "positional words",
        """
        import click
        @click.command()
        @click.argument("config_path", nargs=1)
        @click.argument("files", nargs=-1)
        @click.option("--level", type=click.Choice(["low", "high"]), required=True)
        def main(config_path, files, level):
            pass
        main()
        """,
        {"a --level low": "-", "--level low": "missing", "a": "missing", "a --level mid": "choice"},
    ),
    Shape(
        "a group",
        """
        import click
        @click.group()
        def cli():
            pass
        @cli.command()
        @click.argument("input_dir", type=click.Path(exists=False))
        @click.argument("output_dir", type=click.Path())
        def preprocess(input_dir, output_dir):
            pass
        @cli.command("train")
        @click.option("--epochs", type=int)
        def train_model(epochs):
            pass
        if __name__ == "__main__":
            cli()
        """,
        {
            "preprocess a b": "-",
            "preprocess a": "missing",
            "train --epochs x": "type",
            "fit": "choice",
        },
    ),
    Shape(
        "commands that are added",
        """
        import click
        @click.command()
        @click.option("--config")
        def run(config):
            pass
        @click.group()
        def main():
            pass
        if __name__ == "__main__":
            main.add_command(run)
            main.add_command(run, name="again")
            main()
        """,
        {"run --config x": "-", "again --config x": "-", "rum": "choice"},
    ),
    Shape(
        "unknown ones are let pass",
        """
        import click
        @click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
        @click.option("--x", type=int)
        def main(x):
            pass
        main()
        """,
        {"--y 1": "-", "--x a": "type"},
    ),
    Shape(
        "typer, one function",
        """
        import typer
        def main(
            input_path: str,
            count: int = 3,
            config: str = typer.Option("config.yaml", "--config", "-c"),
            fast: bool = False,
        ):
            pass
        if __name__ == "__main__":
            typer.run(main)
        """,
        {
            "x --count 2 -c y --fast": "-",
            "--count 2": "missing",
            "x --count y": "type",
            "x -d": "unknown",
        },
    ),
    Shape(
        "typer, an app",
        """
        from pathlib import Path
        from typing import Annotated, Optional
        import typer
        app = typer.Typer(help="training")
        @app.command()
        def train(data: Annotated[Path, typer.Argument(help="data")], seed: Optional[int] = None):
            pass
        @app.command("score-it")
        def score(model: Annotated[str, typer.Option()]):
            pass
        if __name__ == "__main__":
            app()
        """,
        {"train x --seed 1": "-", "train": "missing", "score-it --model m": "-", "score": "choice"},
    ),
]


@pytest.mark.parametrize("shape", CLICK, ids=lambda shape: shape.name)
def test_a_shape_of_click_has_its_verdict(shape: Shape, tmp_path: Path):
    test_a_shape_has_its_verdict(shape, tmp_path)


@pytest.mark.parametrize("shape", CLICK, ids=lambda shape: shape.name)
def test_what_click_is_said_to_refuse_really_fails(shape: Shape):
    test_what_is_refused_really_fails(shape)
