"""What every test can rely on: no network, a home of its own, the real command, golden files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import loopback_only
import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ("azurite", "standin")

TESTS = Path(__file__).parent
REAL_PARTS = {
    "azurite": "needs Azurite, the blob server, which tests/install_azurite.sh installs with npm",
    "fuse": "needs FUSE: /dev/fuse and libfuse",
}
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
# nothing listens on port 1, so a program the audit hook cannot see (curl, npm) fails at once
CLOSED = "http://127.0.0.1:1"
KEPT = ("HOME", "PATH", "PYTHONPATH", "TMPDIR", "XDG_CACHE_HOME", loopback_only.LOG)

# a slow machine proves nothing wrong, and what a property failed with is in its test's output
settings.register_profile(
    "amlshare", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("amlshare")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden", action="store_true", help="write the golden files anew, and run nothing else"
    )


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in REAL_PARTS.items():
        config.addinivalue_line("markers", f"{name}: {meaning} (set by the fixture)")
    # whoever started this may ignore it, as nohup does, and what is started here would inherit that
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    sandbox = Path(tempfile.mkdtemp(prefix="amlshare-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(sandbox, ignore_errors=True))
    _isolate(sandbox)
    loopback_only.install()


def _isolate(sandbox: Path) -> None:
    """Give this process, and so all it starts, a home, no settings of the user and no network."""
    for name in [name for name in os.environ if name.startswith(("AZURE", "AMLSHARE_BACKEND"))]:
        del os.environ[name]
    home = sandbox / "home"
    home.mkdir()
    os.environ |= {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(TESTS / "loopback"), os.environ.get("PYTHONPATH")))
        ),
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "no_proxy": "localhost,127.0.0.1,::1",
        loopback_only.LOG: str(sandbox / "refused.log"),
        **dict.fromkeys(PROXIES, CLOSED),
    }


@pytest.fixture(autouse=True)
def _stays_on_this_machine() -> Iterator[None]:
    """Fail a test that tried to reach another machine, even where the refusal was swallowed."""
    log = Path(os.environ[loopback_only.LOG])
    log.unlink(missing_ok=True)
    yield
    if log.exists():
        pytest.fail(log.read_text(encoding="utf-8"), pytrace=False)


# --- parts of the machine that a test may lack ------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--golden"):
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]
    for item in items:
        for name in REAL_PARTS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that was skipped for want of a part which AMLSHARE_REQUIRE names."""
    report = yield
    wanted = _required() & set(item.keywords)
    if report.skipped and wanted and isinstance(report.longrepr, tuple):
        report.outcome = "failed"
        report.longrepr = f"AMLSHARE_REQUIRE={','.join(sorted(wanted))}: {report.longrepr[2]}"
    return report


def _required() -> set[str]:
    """The parts without which this session fails: "azurite", say, or "azurite,fuse"."""
    return set(filter(None, os.environ.get("AMLSHARE_REQUIRE", "").split(",")))


_used: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _used.update(REAL_PARTS.keys() & report.keywords.keys())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session in which a required part was not used at all, a whole module skipped, say."""
    if not hasattr(session.config, "workerinput") and _required() - _used:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in sorted(_required() - _used):
        terminalreporter.write_line(f"AMLSHARE_REQUIRE={name}: no test has used it", red=True)


# --- fixtures ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    stdout: str
    stderr: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The real `amlshare` in a process of its own: `amlshare("plan", "specs/flights.yaml")`."""

    cwd: Path

    def __call__(
        self,
        *args: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 120,
    ) -> Completed:
        process = self.start(*args, cwd=cwd, env=env)
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout)
        finally:
            process.kill()
        return Completed(stdout=stdout, stderr=stderr, exit_code=process.returncode)

    def start(
        self, *args: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start it and return at once, for a test that interrupts or kills it."""
        return subprocess.Popen(
            [sys.executable, "-m", "amlshare", *map(str, args)],
            cwd=cwd or self.cwd,
            env=clean_environment() | dict(env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )


def clean_environment() -> dict[str, str]:
    """The same on every machine: 100 columns, no colour, UTC, bytecode written as users have it."""
    kept = {name: os.environ[name] for name in (*KEPT, *PROXIES) if name in os.environ}
    fixed = {"LANG": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "100"}
    return kept | fixed


@pytest.fixture
def amlshare(tmp_path: Path) -> Command:
    """The real command, run in `tmp_path` unless `cwd` says where."""
    return Command(cwd=tmp_path)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as in a fresh checkout: whoever ran them has a history beside them."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("specs", "scripts", "tests/bad"):
        shutil.copytree(
            TESTS.parent / name, folder / name, ignore=shutil.ignore_patterns(".amlshare")
        )
    return folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str | Path], None]:
    """Compare a text with a file under tests/: `golden(text, "golden/flights.plan.txt")`.

    `--golden` writes the files anew; without it a missing one fails and is never written.
    """

    def compare(actual: str, path: str | Path) -> None:
        file = TESTS / path
        if request.config.getoption("--golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(actual, encoding="utf-8", newline="")
        elif not file.exists():
            pytest.fail(f"there is no tests/{path}; `make golden` writes it from:\n{actual}")
        else:
            with file.open(encoding="utf-8", newline="") as stream:
                assert actual == stream.read(), f"tests/{path} differs; `make golden` writes it"

    return compare
