"""A step of the specs beside this folder. It is never run."""

import argparse
from pathlib import Path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--max_epochs", type=int, default=10)
    parser.add_argument("--loss", choices=["absolute", "squared"], default="squared")
    parser.add_argument("--size", nargs=2, type=int)
    parser.add_argument("--notes")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--gpu", action="store_true")
    which.add_argument("--cpu", action="store_true")
    args = parser.parse_args()
    fit(args.table, args.max_epochs, args.loss, args.size, args.gpu or args.cpu)


def fit(*_given):
    pass


if __name__ == "__main__":
    main()
