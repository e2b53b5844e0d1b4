"""A step of the specs beside this folder. It is never run."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--table", type=Path)
parser.add_argument("--out", type=Path)
parser.add_argument("--log", type=Path)
args = parser.parse_args()

with (args.table / "copied.txt").open("w") as file:
    file.write("yes")
