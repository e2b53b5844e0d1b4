"""Runs a plan on this machine: everything that a run needs is opened here, and closed again."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from queue import SimpleQueue

from amlshare.backends.interface import BackendError, Noted, Outcome, Settings, Watch
from amlshare.backends.local import program
from amlshare.backends.local.code import Code
from amlshare.backends.local.folder import Folder
from amlshare.backends.local.inputs import Inputs
from amlshare.backends.local.isolation import isolate
from amlshare.backends.local.job import Job, make_job
from amlshare.backends.local.opening import earlier_outputs, open_run
from amlshare.backends.local.processes import Processes
from amlshare.backends.local.records import Records, unusable
from amlshare.backends.local.run import Items, Run
from amlshare.backends.local.sources import Datastores, Sources, with_env
from amlshare.backends.local.step import Shop, explain, full_disk
from amlshare.backends.local.store import Store
from amlshare.datastores import DatastoreError
from amlshare.movement.here import is_remote
from amlshare.plan import Plan
from amlshare.references import parse, references


def submit(plan: Plan, settings: Settings, watch: Watch) -> Outcome:
    """Run ``plan`` and wait for its end. Raises BackendError, KeyboardInterrupt when stopped."""
    job = make_job(plan)
    folder = Folder(settings.state.absolute())
    try:
        folder.create()
        with ExitStack() as stack:
            return _open(job, settings, folder, watch, stack).execute()
    except sqlite3.Error as error:
        why = full_disk(folder.root)
        said = f"cannot write {folder.database}: {why}" if why else unusable(folder.database, error)
        raise BackendError(said) from error
    except DatastoreError as error:
        raise BackendError(str(error)) from error
    except OSError as error:
        raise BackendError(explain(error)) from error


def _open(job: Job, settings: Settings, folder: Folder, watch: Watch, stack: ExitStack) -> Run:
    """The run that ``job`` is. Nothing is recorded of it before all that it needs is there."""
    isolation = isolate()  # first of all: it needs a process without threads
    processes = Processes()
    stack.callback(processes.close)
    records = Records(folder.database)
    stack.callback(records.close)
    store = Store(folder.store)
    datastores = Datastores(job, folder, settings.base)
    sources = Sources(job, datastores, records, store, settings)
    common = program.find(_python(job, settings), secrets=_secrets(job))
    code = Code(folder.code, settings.base, store.digest, binds=isolation.bind)
    stack.callback(code.close)
    code.prepare(step for step in job.steps if step.name in set(job.selected))
    earlier, notes = earlier_outputs(job, records, sources, common)
    for output in earlier:
        sources.add(output)
    opened = open_run(job, settings, folder, records, sources, datastores.staging())
    stack.callback(opened.lock.release)
    processes.hold(folder.guarded(opened.id))
    items: Items = SimpleQueue()
    for message in [*isolation.notes(), *notes]:
        items.put(Noted(message=message))
    shop = Shop(
        run=opened.id,
        folder=folder,
        records=records,
        store=store,
        code=code,
        datastores=datastores,
        sources=sources,
        inputs=Inputs(
            folder.run(opened.id), store, isolation, items.put, as_cloud=settings.as_cloud
        ),
        program=common,
        processes=processes,
        items=items,
        regenerate=settings.regenerate,
    )
    return Run(job, opened, shop, settings, watch)


def _python(job: Job, settings: Settings) -> str | None:
    """The Python to run steps in; the one that the spec names is a path beside it, or a name."""
    if settings.python or job.python is None:
        return settings.python
    python = with_env(job.python, "local.python")
    return str((settings.base / python).absolute()) if "/" in python else python


def _secrets(job: Job) -> frozenset[str]:
    """The variables in stand-ins that are URLs: they may hold a SAS or an account's key."""
    values = filter(None, [*job.datastores.values(), *job.datasets.values()])
    texts = [parse(value)[0] for value in values if _is_elsewhere(value)]
    return frozenset(each.name for text in texts for each in references(text))


def _is_elsewhere(value: str) -> bool:
    try:
        return is_remote(with_env(value, ""))
    except BackendError:  # nothing that is selected needs it, or it is said then
        return True
