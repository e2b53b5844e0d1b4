from __future__ import annotations

import base64
import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amlshare.secrets import blank, find, find_all, is_secret, mask

# 64 bytes that nobody keeps secret, in the shape of a storage account's key
KEY = base64.b64encode(hashlib.sha512(b"made up").digest()).decode()
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{'MIIE' * 16}\n{'aB3+' * 3}\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.c2lnbmF0dXJl"
SECRETS = [
    (f"AccountName=a;AccountKey={KEY};EndpointSuffix=x", "connection string", KEY),
    (f"AccountKey={KEY}", "storage account key", KEY),
    (f"--key={KEY}", "storage account key", KEY),
    ("Endpoint=sb://x/;SharedAccessKey=abcdefgh123=", "connection string", "abcdefgh123="),
    ("https://a/c?sv=2022-11-02&se=2030&sig=ab%2Fc%3D", "SAS token", "ab%2Fc%3D"),
    ("?sig=ab%3D&sv=2020", "SAS token", "ab%3D"),
    ("x abc8Q~" + "a1" * 17, "client secret", "abc8Q~" + "a1" * 17),
    (f"Bearer {JWT}", "JSON web token", JWT),
    (PEM, "private key", PEM),
    ("ghp_" + "a1" * 18, "access token", "ghp_" + "a1" * 18),
    ("https://bob:hunter2@host/x", "password", "hunter2"),
    ("run --db-password hunter2 --fast", "password", "hunter2"),
    ("PASSWORD=hunter2 ./run", "password", "hunter2"),
    ("{a: [--password=hun}ter2]}", "password", "hun}ter2"),
    ("Server=x;User=a;Password=hunter2;", "password", "hunter2"),
]
HARMLESS = [
    hashlib.sha256(b"").hexdigest(),
    hashlib.sha512(b"").hexdigest(),
    f"sha512-{KEY}",
    str(uuid.UUID(int=7)),
    "raw/" + "a1B/" * 40,
    "features/{run-id}/YWJjZA==",
    "AccountKey=${env.KEY}",
    "AccountKey=xxxxxxxxxxxxxxxx",
    "https://${env.USER}:${env.PASSWORD}@host",
    "https://a.blob.core.windows.net/c?sv=${env.SAS}",
    "abfss://container@account.dfs.core.windows.net/raw",
    "http://127.0.0.1:10000/devstoreaccount1",
    "UseDevelopmentStorage=true",
    "design=abc&sv=1",
    "registry:5000/image@sha256:" + "a1" * 32,
    "run --password ${env.PASSWORD}",
    "run --password-file /run/secrets/password",
    "PWD=/mnt/work",
    "the password: see the wiki",
    "--eos-token=</s>",
    "git+https://github.com/azure/azureml@main",
]


@pytest.mark.parametrize(("text", "kind", "secret"), SECRETS)
def test_a_secret_is_found_with_its_kind_and_place(text, kind, secret):
    found = find(text)
    assert found is not None
    assert (found.kind, text[found.start : found.end]) == (kind, secret)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_passes(text):
    assert find(text) is None
    assert mask(text) == text


@pytest.mark.parametrize(("text", "_kind", "secret"), SECRETS)
def test_a_masked_text_keeps_its_columns_and_no_secret(text, _kind, secret):
    masked = mask(f"before {text} after\n{text}")
    assert secret not in masked
    assert len(masked) == len(f"before {text} after\n{text}")
    assert masked.startswith("before ")
    assert find(masked) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_secret", "abcdef"),
        ("PGPASSWORD", "s3cr3t"),
        ("DB_PASS", "hunter22"),
        ("SecretKey", "abcd1234"),
        ("MY_TOKEN", "abc12345"),
        ("AZURE_CLIENT_SECRET", "abcdef"),
        ("dbPassword", "hunter2"),
        ("--password", 123456),
        ("HF_TOKEN", "abc123"),
        ("WANDB_API_KEY", "0123456789abcdef"),
    ],
)
def test_a_name_makes_any_value_a_secret(name, value):
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("password", "${env.PASSWORD}"),
        ("password", "DB_PASSWORD"),
        ("password", ""),
        ("password", None),
        ("password", True),
        ("password", "/run/secrets/password"),
        ("password_column", "passwords"),
        ("eos_token", "endoftext"),
        ("primary_key", "user_id"),
        ("compass_word", "north"),
    ],
)
def test_a_reference_or_another_name_makes_none(name, value):
    assert not is_secret(name, value)


def test_blank_keeps_white_space_and_bears_overlaps():
    assert blank("ab\n cd ef", [(3, 6), (0, 5)]) == "**\n ** ef"


@given(st.text() | st.lists(st.sampled_from([text for text, *_ in SECRETS])).map(" ".join))
def test_mask_leaves_nothing_to_find_and_as_many_characters(text):
    assert len(mask(text)) == len(text)
    assert find(mask(text)) is None


@given(st.lists(st.sampled_from([text for text, *_ in SECRETS] + HARMLESS)).map(" ".join))
def test_what_is_found_lies_in_order_and_apart(text):
    ends = [place for found in find_all(text) for place in (found.start, found.end)]
    assert ends == sorted(ends)
