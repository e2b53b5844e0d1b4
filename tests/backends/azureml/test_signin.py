"""Ways to sign in, what is said when there is none, and a workspace that is not seen."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from backends.azureml.apart import error, signed_in
from backends.azureml.refusing import Server, reply, serving
from standin.identity import issue

from amlshare.backends.azureml.signin import PRINCIPAL, SignInError, way

ALL = dict.fromkeys(PRINCIPAL, "x")
OPENED = 'import sys; sys.stdout.write(f"opened {workspace.name}")'


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as told:
        yield told


def put_az(folder: Path, script: str) -> Path:
    """A program called `az`."""
    folder.mkdir(exist_ok=True)
    (folder / "az").write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    (folder / "az").chmod(stat.S_IRWXU)
    return folder


def without_principal(workspace: object) -> dict[str, str]:
    given = workspace.environment
    return {name: value for name, value in given.items() if name not in PRINCIPAL}


def test_a_service_principal_comes_first(tmp_path):
    environ = ALL | {"MSI_ENDPOINT": "x", "PATH": str(put_az(tmp_path, ""))}
    assert way(environ, interactive=True) == "service principal"


@pytest.mark.parametrize("missing", [["AZURE_CLIENT_SECRET"], ["AZURE_TENANT_ID"], PRINCIPAL[:2]])
def test_half_a_service_principal_is_told_and_not_passed_over(missing, tmp_path):
    environ = {name: "x" for name in PRINCIPAL if name not in missing}
    with pytest.raises(SignInError) as raised:
        way(environ | {"PATH": str(put_az(tmp_path, ""))}, interactive=True)
    assert str(raised.value).startswith(" and ".join(missing))


@pytest.mark.parametrize("name", ["IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_CLIENT_ID"])
def test_a_managed_identity_is_used_where_the_machine_names_it(name):
    assert way({name: "x"}, interactive=True) == "managed identity"


def test_the_azure_cli_comes_before_a_person(tmp_path):
    assert way({"PATH": str(put_az(tmp_path, ""))}, interactive=True) == "Azure CLI"


def test_a_person_is_the_last_way():
    assert way({}, interactive=True) == "browser"


def test_no_way_at_all_lists_the_ways_with_those_of_ci_first():
    with pytest.raises(
        SignInError, match="no way to sign in to Azure here: in CI, set AZURE_TENANT"
    ):
        way({}, interactive=False)


def test_a_job_without_a_terminal_is_told_at_once_though_it_would_open_a_browser(workspace):
    environment = without_principal(workspace) | {"PATH": "/nowhere"}
    assert "there is no way to sign in" in error(signed_in(OPENED, environment))
    assert workspace.requests == []


@pytest.mark.parametrize("name", ["AMLSHARE_TIMEOUT", "AMLSHARE_RETRY_SECONDS"])
def test_a_setting_that_says_nothing_is_told_before_anything_is_sent(workspace, name):
    told = error(signed_in(OPENED, workspace.environment | {name: "abc"}))
    assert told == f"{name} is 'abc'; expected a number of seconds, such as 30"
    assert workspace.requests == []


def test_a_service_principal_opens_the_workspace(workspace):
    done = signed_in(OPENED, workspace.environment)
    assert (done.stdout, done.stderr) == (f"opened {workspace.name}", "")


def test_a_wrong_secret_is_told_in_the_words_of_entra_without_the_secret(workspace):
    done = signed_in(OPENED, workspace.environment | {"AZURE_CLIENT_SECRET": "Wr0ng-s3cret"})
    told = error(done)
    assert "signing in (service principal" in told
    assert "401 Unauthorized: AADSTS7000215: Invalid client secret provided" in told
    assert told.endswith("check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET")
    assert "Wr0ng-s3cret" not in done.stderr


def test_a_workspace_that_does_not_exist_is_named_with_where_its_name_came_from(workspace):
    told = error(signed_in(OPENED, workspace.environment | {"AZUREML_WORKSPACE": "nope"}))
    assert f"opening workspace 'nope' of resource group '{workspace.resource_group}'" in told
    assert "was answered 404 Not Found" in told
    assert "check --workspace, --resource-group and --subscription" in told


def test_a_workspace_that_one_may_not_see_is_named_with_the_role_that_helps(workspace):
    route = next(r.route for r in _requests_of_opening(workspace) if "workspaces" in r.path)
    workspace.fail(route=route, how="403")
    told = error(signed_in(OPENED, workspace.environment))
    assert f"opening workspace '{workspace.name}'" in told
    assert "role on it, such as 'AzureML Data Scientist'" in told


def _requests_of_opening(workspace: object) -> list:
    assert signed_in(OPENED, workspace.environment).exit_code == 0
    return list(workspace.requests)


@pytest.mark.parametrize("how", ["503", "reset before", "reset after"])
@pytest.mark.parametrize("at", range(1, 5))
def test_a_fault_at_any_request_is_got_over(workspace, how, at):
    workspace.fail(at=at, how=how)
    done = signed_in(OPENED, workspace.environment)
    assert (done.stdout, done.stderr) == (f"opened {workspace.name}", "")


@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_service_that_never_answers_ends_in_a_message(workspace, at):
    workspace.fail(at=at, how="hang")
    settings = {"AMLSHARE_TIMEOUT": "1", "AMLSHARE_RETRY_SECONDS": "0"}
    told = error(signed_in(OPENED, workspace.environment | settings))
    assert "had no reply in time" in told
    assert "AMLSHARE_TIMEOUT" in told


def test_the_login_of_the_azure_cli_opens_the_workspace(workspace, tmp_path):
    said = {"accessToken": issue(workspace), "expires_on": int(time.time()) + 3600}
    put_az(tmp_path, f"echo '{json.dumps(said)}'")
    environment = without_principal(workspace) | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = signed_in(OPENED, environment)
    assert (done.stdout, done.stderr) == (f"opened {workspace.name}", "")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) == 1, "the token is kept until it ends"
    assert asked[0].startswith("account get-access-token --output json --resource https://manage")
    assert asked[0].endswith(f"--subscription {workspace.subscription_id}")


def test_an_azure_cli_that_nobody_has_signed_in_says_so_with_the_other_ways(workspace, tmp_path):
    put_az(tmp_path, "echo \"ERROR: Please run 'az login' to setup account.\" >&2; exit 1")
    environment = without_principal(workspace) | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    told = error(signed_in(OPENED, environment))
    assert told.startswith(
        "signing in with the Azure CLI failed: Please run 'az login' to setup account; in CI, set"
    )


@pytest.mark.parametrize("script", ["echo '{}'", "echo nonsense", "exec sleep 30"])
def test_an_azure_cli_that_gives_no_token_is_no_traceback(workspace, tmp_path, script):
    put_az(tmp_path, script)
    environment = without_principal(workspace) | {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    told = error(signed_in(OPENED, environment | {"AMLSHARE_TIMEOUT": "1"}))
    assert told.startswith("signing in with the Azure CLI failed: ")


@pytest.mark.parametrize("kind", ["IDENTITY", "MSI"])
def test_a_managed_identity_opens_the_workspace(workspace, server, kind):
    said = {"access_token": issue(workspace), "expires_on": str(int(time.time()) + 3600)}
    server.replies = [reply(200, said)]
    environment = without_principal(workspace) | {f"{kind}_ENDPOINT": f"{server.url}/token"}
    done = signed_in(OPENED, environment | {"AZURE_CLIENT_ID": "of-mine"})
    assert (done.stdout, done.stderr) == (f"opened {workspace.name}", "")
    assert len(server.heard) == 1, "the token is kept until it ends"
    assert "of-mine" in server.heard[0]


def test_a_machine_without_the_identity_says_what_to_check(workspace, server):
    server.replies = [reply(400, {"error": {"message": "Identity not found"}})]
    environment = without_principal(workspace) | {"IDENTITY_ENDPOINT": server.url}
    told = error(signed_in(OPENED, environment))
    assert "signing in (managed identity) failed" in told
    assert "Identity not found" in told
    assert "check that the machine has a managed identity" in told
