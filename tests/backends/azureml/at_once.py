"""Two commands that are really at once: a request of the one waits for the same of the other."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from typing import Any

SECONDS = 100


def meet(workspace: Any, *requests: str) -> None:
    """Hold the first two of each of ``requests``, "POST /Schedules/Create", until both came.

    What follows the method is how a path ends, or goes on before an id.
    """
    answer = workspace.proxy.answer
    barriers = {each: threading.Barrier(2, timeout=SECONDS) for each in requests}
    counts = {each: itertools.count() for each in requests}

    def held(request: Any) -> Any:
        for each, barrier in barriers.items():
            method, _, path = each.partition(" ")
            parent = request.path.rpartition("/")[0]
            here = request.path.endswith(path) or parent.endswith(path)
            if request.method == method and here and next(counts[each]) < 2:
                barrier.wait()
        return answer(request)

    workspace.proxy.answer = held


def submitted(flights: Any, *each: Sequence[str]) -> list[dict[str, Any]]:
    """What several submits that run at once did, as JSON; all go well."""
    processes = [
        flights.start("submit", "flights.yaml", *options, "--format", "json") for options in each
    ]
    shown = []
    for process in processes:
        stdout, stderr = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, stderr
        shown.append(json.loads(stdout))
    return shown
