"""Lists of numbers as people type them."""

from __future__ import annotations

import pytest

from spectremor.cli.lists import join_lists, numbers_in


@pytest.mark.parametrize("text", ["1,2.5,-3", "1 2.5 -3", " 1,  2.5 ,-3 ", "1\t2.5\t-3"])
def test_numbers(text):
    assert numbers_in(text) == [1.0, 2.5, -3.0]


@pytest.mark.parametrize("text", ["", "1,,2", "1;2", "1,two", ",1"])
def test_no_numbers(text):
    with pytest.raises(ValueError, match="could not convert"):
        numbers_in(text)


def test_only_lists_of_numbers_are_joined():
    arguments = ["export", "5", "6", "--periods", "0.3", "1", "field.nc", "7", "--source=1", "2", "--window", "-1", "4"]
    expected = ["export", "5", "6", "--periods", "0.3,1", "field.nc", "7", "--source=1", "2", "--window", "-1,4"]
    assert join_lists(arguments) == expected


def test_nothing_is_joined_to_what_is_no_number():
    for arguments in (["--source", "north", "1"], ["--source"], ["--source", "--mw", "4", "5"], ["--mw", "4", "5"]):
        assert join_lists(arguments) == arguments


def test_a_date_and_a_time_are_one_value():
    typed = ["--origin-time", "2016-08-24", "01:36:32", "--out", "01:30"]
    assert join_lists(typed) == ["--origin-time", "2016-08-24 01:36:32", "--out", "01:30"]
