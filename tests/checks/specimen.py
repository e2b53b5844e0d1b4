"""A spec without a mistake that uses most of the language, and what can be done to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from amlshare import checks
from amlshare.checks import mending
from amlshare.diagnostics import Finding

Route = tuple[str | int, ...]

SPEC = """\
amlshare: 1
name: flight_delays
description: Predict arrival delays.
experiment: flights
tags: {team: ops}
workspace: {name: "${env.WORKSPACE}", resource_group: group}
defaults: {compute: cpu, environment: sklearn, datastore: lake, code: code, env: {LEVEL: info}}
compute:
  cpu: {cluster: cpu-cluster, vm_size: Standard_DS3_v2, min_nodes: 0, max_nodes: 4}
environments:
  sklearn: {image: "python:3.11", conda: sklearn.yml}
  old: {registered: sklearn, version: 12}
local:
  datastores: {lake: data}
  datasets: {airports: data/airports.csv}
parameters:
  min_distance: 200
  nodes: {type: integer, default: 2, description: How many.}
data:
  flights: {type: path, location: raw/flights.csv, format: file, size: 30 MB}
  weather:
    type: directory
    location: raw/weather/**/*.csv
    partitions: "{station}/{month}.csv"
    files: 36
  airports: {type: dataset, name: airports, version: 3, format: csv, parameter: true}
steps:
  audit:
    command: wc -l ${inputs.flights} > ${outputs.lines}/lines.txt
    code: none
    inputs: {flights: flights}
    outputs: [lines]
  clean:
    title: Keep the flights that arrived
    script: clean.py
    inputs:
      flights: {from: flights, mode: download, reads: {fraction: 0.3, passes: 2}}
    outputs:
      cleaned: {size: 20 MB, files: 1}
    arguments:
      --flights: ${inputs.flights}
      --out: ${outputs.cleaned}
      --min-distance: ${parameters.min_distance}
      --verbose: true
    tags: {about: quality}
    retries: 2
    timeout: 2h
  merged:
    sequence:
      - script: clean.py
        title: Keep what is wanted
        arguments: [--flights, "${inputs.flights}", --out, "${scratch.kept}"]
      - command: sort "${scratch.kept}"/* > ${outputs.sorted}/flights.csv
    scratch: {kept: {format: folder}}
    inputs: {flights: flights}
    outputs: {sorted: {type: directory, location: "sorted/{run-id}/"}}
  score:
    parallel:
      script: score.py
      over: weather
      partition_by: [station]
      nodes: ${parameters.nodes}
      batch_timeout: 5m
      rows_to: hourly/weather.csv
    environment: old
    inputs:
      weather: {from: weather, mode: mount}
    outputs: {hourly: {}}
    after: [audit]
  train:
    script: train.py
    inputs:
      cleaned: clean.cleaned
      hourly: score.hourly
      airports: {from: airports, mode: direct}
    outputs:
      model:
        type: dataset
        name: flight_delay_model
        location: models/{run-id}/
        mode: upload
        only: ["*.pkl"]
        tags: {stage: candidate}
        expect: {files: ">=1", min_size: 1 KB}
    arguments: [--in, "${inputs.cleaned}", --weather, "${inputs.hourly}",
                --airports, "${inputs.airports}", "--out=${outputs.model}/sub"]
    nodes: 2
    distribution: {type: mpi, processes_per_node: 2}
    reuse: false
outputs: {lines: audit.lines}
publish: {endpoint: delays, version: "1.0"}
schedules:
  weekly: {every: week, days: [mon], at: "06:30", time_zone: Europe/Berlin}
  fresh: {on_change: flights, poll: 1h, parameters: {min_distance: 100}}
targets:
  prod: {compute: {cpu: {cluster: cpu-big}}, parameters: {min_distance: 0}}
"""
FILES = {
    "code/clean.py": "",
    "code/train.py": "",
    "code/score.py": "",
    "sklearn.yml": "dependencies: [python=3.11, {pip: [azureml-defaults==1.61.0]}]",
    "data/airports.csv": "",
}


def findings(text: str) -> list[Finding]:
    """What is found in a spec that says ``text`` beside what every spec says, hints included."""
    data = {"amlshare": 1, "name": "demo", "steps": {"clean": {"script": "clean.py"}}}
    parsed = mending.parse(data | yaml.safe_load(text))
    return [*parsed.findings, *parsed.certain(checks.check(parsed.spec, None))]


def codes(text: str) -> list[str]:
    """The codes of the errors and warnings in such a spec."""
    return [each.code for each in findings(text) if each.severity != "hint"]


def only(text: str) -> Finding:
    """The one error or warning in such a spec."""
    (found,) = [each for each in findings(text) if each.severity != "hint"]
    return found


def hints(text: str) -> list[str]:
    """The codes of the hints in such a spec."""
    return [each.code for each in findings(text) if each.severity == "hint"]


def put_files(folder: Path) -> None:
    """The files that the spec names, in the folder of the spec."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def routes(value: Any, route: Route = ()) -> Iterator[Route]:
    """The route of every value inside plain data."""
    entries = value.items() if isinstance(value, dict) else ()
    entries = enumerate(value) if isinstance(value, list) else entries
    for key, item in entries:
        yield (*route, key)
        yield from routes(item, (*route, key))


def at(data: Any, route: Route) -> Any:
    for part in route:
        data = data[part]
    return data


def replaced(data: Any, route: Route, value: Any) -> Any:
    """A copy with another value at a route."""
    changed = copy.deepcopy(data)
    at(changed, route[:-1])[route[-1]] = value
    return changed


def without(data: Any, route: Route) -> Any:
    """A copy without what is at a route."""
    changed = copy.deepcopy(data)
    del at(changed, route[:-1])[route[-1]]
    return changed


def renamed(data: Any, route: Route, key: str) -> Any:
    """A copy in which a key has another name, at the same place among the others."""
    changed = copy.deepcopy(data)
    owner = at(changed, route[:-1])
    entries = [(key if name == route[-1] else name, value) for name, value in owner.items()]
    owner.clear()
    owner.update(entries)
    return changed
