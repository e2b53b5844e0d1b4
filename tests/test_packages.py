"""What an environment installs, as far as the spec and its files say it."""

from __future__ import annotations

import pytest

from amlshare.packages import (
    Packages,
    PackagesError,
    local_path,
    names,
    packages,
    requirements,
    versions,
)
from amlshare.pipeline import Environment


def conda(text: str) -> Packages | None:
    return packages(Environment(name="e", kind="conda", conda="e.yml"), lambda _: text)


def test_a_conda_file_says_what_conda_and_what_pip_installs():
    found = conda("dependencies: [python=3.11, {pip: [pandas==2.2.3]}]")
    assert found == Packages(
        conda=("python=3.11",), pip=("pandas==2.2.3",), key="conda", file="e.yml"
    )


@pytest.mark.parametrize(
    "text",
    ["pandas", "[a, b]", "dependencies: pandas", "a: [", "", "a: 1", "dependencies: [{pip: a}]"],
)
def test_what_is_no_conda_file_is_said(text: str):
    with pytest.raises(PackagesError, match=r"'e\.yml'"):
        conda(text)


def test_a_requirements_file_is_read_line_by_line():
    text = "# tools\npandas==2.2.3  # tables\n\nnumpy>=1.26 \\\n  ,<2\n"
    assert requirements(text) == ("pandas==2.2.3", "numpy>=1.26 ,<2")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("https://conda.host/t/tk-123456-abc/chan", "https://conda.host/t/*************/chan"),
        ("--index-url https://abcdef@host/simple", "--index-url https://******@host/simple"),
        ("https://me:hunter2@host/simple", "https://me:*******@host/simple"),
        ("https://host/simple?access_token=abcdef", "https://host/simple?access_token=******"),
        ("https://host/t/${TOKEN}/chan", "https://host/t/${TOKEN}/chan"),
        ("https://conda.host/main/t/", "https://conda.host/main/t/"),
        ("conda-forge", "conda-forge"),
    ],
)
def test_what_may_be_a_key_in_a_url_is_no_word_of_a_difference(line: str, shown: str):
    assert versions({"channels": [line]}) == {"channels": shown}
    said = versions({"dependencies": [line, {"pip": [line]}]})
    assert all("abc" not in f"{key}{value}" for key, value in said.items())


def test_nothing_is_known_of_an_image_or_of_a_file_that_cannot_be_read():
    assert packages(Environment(name="e", kind="image", image="i:1"), lambda _: "") is None
    assert packages(Environment(name="e", kind="pip", pip="r.txt"), lambda _: None) is None


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("-r base.txt", "base.txt"),
        ("-rbase.txt", "base.txt"),
        ("--constraint=limits.txt", "limits.txt"),
        ("-e .", "."),
        ("../ours[all]", "../ours[all]"),
    ],
)
def test_a_file_beside_the_spec_is_known(line: str, path: str):
    assert local_path(line) == path


@pytest.mark.parametrize(
    "line",
    [
        "pandas==2.2.3",
        "-e git+https://host/a.git#egg=a",
        "-r https://host/base.txt",
        "ours @ https://host/ours.whl",
        "/opt/wheels/ours.whl",
        "-r /opt/base.txt",
        "--extra-index-url https://host/simple",
        "--pre",
        "-f https://host/wheels",
    ],
)
def test_what_an_index_a_url_or_the_image_has_is_no_local_file(line: str):
    assert local_path(line) is None


def test_packages_are_known_by_name():
    assert names(["azureml_core==1.61", "Pandas[all]>=2", "numpy"]) == {
        "azureml-core",
        "pandas",
        "numpy",
    }
