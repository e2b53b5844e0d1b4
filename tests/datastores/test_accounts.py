from __future__ import annotations

import pytest

from amlshare.datastores import DatastoreError
from amlshare.datastores.accounts import Credential, find_container

HOST = "https://flights.blob.core.windows.net"
LOCAL = "http://127.0.0.1:10000/devstoreaccount1"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONNECTION_STRING", "ACCOUNT_NAME", "ACCOUNT_KEY", "SAS_TOKEN"):
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)


def facts(url: str) -> tuple[str, str, str, Credential]:
    found = find_container(url)
    assert found is not None
    return found.account_url, found.name, found.prefix, found.credential


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a.csv", "http://127.0.0.1:80/a/b.csv", "memory://a", "s3://bucket/a"],
)
def test_other_urls_are_no_containers(url: str) -> None:
    assert find_container(url) is None


def test_a_sas_comes_with_the_url() -> None:
    sas = Credential(sas="sv=1&sig=x")
    assert facts(f"{HOST}/raw/2013?sv=1&sig=x") == (HOST, "raw", "2013", sas)
    assert facts(f"{LOCAL}/raw?sv=1&sig=x") == (LOCAL, "raw", "", sas)


def test_an_https_url_is_percent_encoded() -> None:
    assert facts(f"{HOST}/raw/a%20b%C3%A9/")[2] == "a bé"


def test_an_https_url_without_a_sas_is_read_by_anyone() -> None:
    assert facts(f"{HOST}/raw")[3] == Credential()


def test_a_connection_string_has_account_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "DefaultEndpointsProtocol=https;AccountName=flights;AccountKey=a2V5=="
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    assert facts("az://raw/2013") == (HOST, "raw", "2013", Credential(key="a2V5=="))
    assert facts(f"{HOST}/raw")[3] == Credential(key="a2V5==")


def test_a_connection_string_may_have_a_sas(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"BlobEndpoint={LOCAL}/;SharedAccessSignature=sv=1&sig=x=="
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    assert facts("abfs://raw") == (LOCAL, "raw", "", Credential(sas="sv=1&sig=x=="))


def test_a_connection_string_is_for_its_account_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=other;AccountKey=a2V5==")
    assert facts(f"{HOST}/raw")[3] == Credential()


def test_a_key_or_a_sas_may_stand_beside_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "flights")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=x")
    assert facts("az://raw") == (HOST, "raw", "", Credential(sas="sv=1&sig=x"))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5==")
    assert facts("az://raw")[3] == Credential(key="a2V5==")


def test_an_account_alone_is_for_who_is_signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "flights")
    assert facts("az://raw")[3] == Credential(sign_in=True)


def test_an_account_may_stand_in_the_url() -> None:
    url = "abfss://raw@flights.dfs.core.windows.net/2013/x"
    assert facts(url) == (HOST, "raw", "2013/x", Credential(sign_in=True))


def test_no_credentials_at_all_are_explained() -> None:
    with pytest.raises(
        DatastoreError, match=r"no credentials .*; set AZURE_STORAGE_CONNECTION_STR"
    ):
        find_container("az://raw")


def test_a_broken_connection_string_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "flights")
    with pytest.raises(DatastoreError, match="is no connection string; it has AccountName"):
        find_container("az://raw")


def test_a_url_without_a_container_is_explained() -> None:
    with pytest.raises(DatastoreError, match="no container is named at"):
        find_container(f"{HOST}/?sig=x")


def test_a_credential_is_not_shown() -> None:
    assert "sig" not in repr(find_container(f"{HOST}/raw?sv=1&sig=x"))
