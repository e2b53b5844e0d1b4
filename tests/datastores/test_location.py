from __future__ import annotations

import pytest

from amlshare.datastores import DatastoreError, Entry, is_file, lay_out
from amlshare.datastores.location import cut_location, cut_url, parse_location


def entries(*paths: str) -> list[Entry]:
    return [Entry(path=path, size=1, version="1") for path in paths]


@pytest.mark.parametrize(
    ("glob", "path", "matches"),
    [
        ("raw/*.csv", "raw/a.csv", True),
        ("raw/*.csv", "raw/sub/a.csv", False),
        ("raw/**/*.csv", "raw/a.csv", True),
        ("raw/**/*.csv", "raw/x/y/a.csv", True),
        ("raw/**", "raw/x/y/a.csv", True),
        ("raw/**", "other/a.csv", False),
        ("**/b/*.csv", "b/a.csv", True),
        ("raw/?.csv", "raw/ä.csv", True),
        ("raw/?.csv", "raw/ab.csv", False),
        ("raw/[ab]*.csv", "raw/b1.csv", True),
        ("raw/[!ab]*.csv", "raw/b1.csv", False),
        ("raw/[!ab]*.csv", "raw/c1.csv", True),
        ("raw/[0-9].csv", "raw/7.csv", True),
        ("raw/[^].csv", "raw/^.csv", True),
        ("raw/a.c*v", "raw/axcsv", False),
        ("raw/*", "raw/.hidden", True),
    ],
)
def test_a_glob_matches_as_in_a_shell(glob: str, path: str, matches: bool) -> None:
    pattern = parse_location(glob).pattern
    assert pattern is not None
    assert bool(pattern.fullmatch(path)) is matches


def test_a_location_without_wildcards_is_no_glob() -> None:
    assert parse_location("raw/x [1/y.csv").pattern is None


def test_slashes_and_dots_do_not_count() -> None:
    assert parse_location("/raw//./x/").text == "raw/x"


def test_a_location_cannot_lead_out_of_its_datastore() -> None:
    with pytest.raises(DatastoreError, match=r"'raw/\.\./\.\./x' leads out of its datastore"):
        parse_location("raw/../../x")


def test_a_broken_glob_is_explained() -> None:
    with pytest.raises(DatastoreError, match=r"'\[z-a\]' is no glob"):
        parse_location("[z-a]")


def test_only_what_a_glob_can_match_is_listed() -> None:
    place = parse_location("raw/2014-*/day?.csv")
    assert (place.parent, place.prefix, place.depth) == ("raw", "raw/2014-", 2)


def test_a_file_stands_by_its_own_name() -> None:
    assert lay_out("raw/flights.csv", entries("raw/flights.csv")).keys() == {"flights.csv"}
    assert is_file("raw/flights.csv", entries("raw/flights.csv"))


def test_the_files_of_a_folder_stand_below_it() -> None:
    assert lay_out("raw/", entries("raw/a", "raw/b/c")).keys() == {"a", "b/c"}
    assert not is_file("raw/", entries("raw/a"))


def test_the_files_of_a_glob_stand_below_its_fixed_part() -> None:
    assert lay_out("raw/*/x/*.csv", entries("raw/1/x/a.csv")).keys() == {"1/x/a.csv"}
    assert lay_out("*.csv", entries("a.csv")).keys() == {"a.csv"}


def test_a_path_is_cut_before_its_last_part_or_its_first_wildcard() -> None:
    assert cut_location("/data/raw/x.csv") == ("data/raw", "x.csv")
    assert cut_location("data/*/x.csv") == ("data", "*/x.csv")
    assert cut_location("") == ("", "")


def test_a_url_is_cut_behind_its_host_and_before_its_query() -> None:
    assert cut_url("https://host/a/b.csv?sig=x/y") == ("https://host/a?sig=x/y", "b.csv")
    assert cut_url("memory://b.csv") == ("memory://", "b.csv")
    assert cut_url("s3://bucket/a/*.csv") == ("s3://bucket/a", "*.csv")
