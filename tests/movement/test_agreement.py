"""What a plan for Azure says that moves is what moves where every step fetches for itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from amlshare.backends.local.fuse import can_fuse

MB = 2**20
SPEC = f"""\
amlshare: 1
name: agreement
defaults: {{compute: cpu, environment: shell}}
compute: {{cpu: {{vm_size: Standard_DS3_v2}}}}
environments: {{shell: {{image: "python:3.11.4"}}}}
local: {{datastores: {{workspaceblobstore: store}}}}
data:
  raw: {{type: directory, location: raw/, size: {4 * MB}, files: 4}}
steps:
  whole:
    command: cat "${{inputs.raw}}"/* > "${{outputs.out}}"
    inputs: {{raw: {{from: raw, mode: mount}}}}
    outputs: {{out: {{format: file, size: {4 * MB}}}}}
  part:
    command: cat "${{inputs.raw}}"/2.bin "${{inputs.raw}}"/2.bin > /dev/null
    inputs: {{raw: {{from: raw, mode: mount, reads: {{fraction: 0.25, passes: 2}}}}}}
  copy:
    command: cat "${{inputs.raw}}"/2.bin > /dev/null
    inputs: {{raw: {{from: raw, mode: download, reads: {{fraction: 0.25}}}}}}
  open:
    command: test -n "${{inputs.raw}}"
    inputs: {{raw: {{from: raw, mode: direct}}}}
  next:
    command: cat "${{inputs.made}}" > /dev/null
    inputs: {{made: whole.out}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    works, reason = can_fuse()
    if not works:
        pytest.skip(f"without a lazy mount, all is fetched whole: {reason}")
    (tmp_path / "store/raw").mkdir(parents=True)
    for number in range(4):
        (tmp_path / f"store/raw/{number}.bin").write_bytes(bytes(MB))
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def test_as_much_is_moved_as_was_planned(project: Path, amlshare: Callable[..., Any]) -> None:
    planned = json.loads(amlshare("plan", "spec.yaml", "--format", "json", cwd=project).stdout)
    local = ("--backend", "local", "--as-cloud", "--format", "json")
    done = json.loads(amlshare("submit", "spec.yaml", *local, cwd=project).stdout)
    expected = {edge["step"]: edge["moved_bytes"] for edge in planned["edges"]}
    moved = {step["name"]: step["moved_bytes"] for step in done["steps"]}
    assert expected == {"whole": 4 * MB, "part": MB, "copy": 4 * MB, "open": 0, "next": 4 * MB}
    assert moved == pytest.approx(expected, rel=0.05)
    assert planned["movement"]["moved_bytes"] == sum(expected.values())
