"""Many commands, each in a process of its own, with the SDK imported once: `python submitter.py`.

Each line on stdin is JSON, {arguments, environment, cwd, stdout, stderr}, the last two files that
the command's output goes to; each line on stdout is its exit code.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from amlshare import cli
from amlshare.backends.azureml import sdk


def main() -> None:
    sdk.prepare()
    sdk.steps_classes()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)  # noqa: T201 - that is its answer


def _become(asked: dict[str, Any]) -> None:
    """Be the command, and end as it ends."""
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(asked[name], flags), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["amlshare", *asked["arguments"]]
    code: Any = 1
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    main()
