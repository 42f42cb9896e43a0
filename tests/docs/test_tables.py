"""Tables of numbers in the documentation: each is a csv that a command writes, and the page says what the csv says."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "tables"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    """The script that fills the pages."""
    sys.path.insert(0, str(ROOT / "scripts" / "site"))
    try:
        return importlib.import_module("tables")
    finally:
        sys.path.pop(0)


def markdown_tables(text: str) -> list[tuple[str, list[list[str]]]]:
    """Each table: the text before it, and the cells of its body."""
    found = []
    for match in re.finditer(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in match[0].splitlines()]
        found.append((text[: match.start()], lines[2:]))
    return found


def is_of_numbers(body: list[list[str]]) -> bool:
    """Whether half of the cells but the first of each line are numbers, and there are several."""
    cells = [cell.strip("*` ") for line in body for cell in line[1:] if cell.strip()]
    numbers = [cell for cell in cells if re.search(r"\d", cell) and not re.search(r"[A-Za-z]{3,}", cell)]
    return len(numbers) >= 4 and 2 * len(numbers) > len(cells)


def pages_of_numbers() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs" / "laboratory").glob("*.md"))]


def test_pages_say_what_the_csv_files_say(tables: ModuleType) -> None:
    quoted = 0
    for page in tables.pages():
        text = page.read_text(encoding="utf-8")
        quoted += len(tables.QUOTED.findall(text))
        assert tables.with_tables(text) == text, f"{page.name}: run python scripts/site/tables.py"
    assert quoted >= 10


def test_a_page_that_says_something_else_is_found(tables: ModuleType) -> None:
    page = ROOT / "docs/laboratory/stage2.md"
    text = page.read_text(encoding="utf-8")
    (_, name, body, _), *_ = tables.QUOTED.findall(text)
    digit = re.search(r"\d(?= \|)", body)
    other = body[: digit.start()] + str((int(digit[0]) + 1) % 10) + body[digit.end() :]
    changed = text.replace(body, other)
    assert changed != text, name
    assert tables.with_tables(changed) == text


def test_every_table_of_numbers_has_a_csv_or_says_that_it_has_none(tables: ModuleType) -> None:
    for page in pages_of_numbers():
        text = page.read_text(encoding="utf-8")
        for before, body in markdown_tables(text):
            if not is_of_numbers(body):
                continue
            last = before.rstrip().rpartition("\n")[2]
            known = last.startswith(("<!-- table: ", "<!-- table without csv: "))
            assert known, f"{page.name}: {body[0]} after {last!r}"


@pytest.mark.parametrize("part", ["explanation", "guide"])
def test_measurements_are_in_the_laboratory_book(part: str) -> None:
    for page in sorted((ROOT / "docs" / part).glob("*.md")):
        for _, body in markdown_tables(page.read_text(encoding="utf-8")):
            assert not is_of_numbers(body), f"{page.name}: {body[0]}"


def test_every_csv_is_listed_with_its_command_and_quoted() -> None:
    text = (ROOT / "docs/laboratory/tables.md").read_text(encoding="utf-8")
    listed = re.findall(r"\[([\w-]+\.csv)\]\(\.\./tables/", text)
    assert sorted(listed) == sorted(path.name for path in FOLDER.glob("*.csv"))
    for script in re.findall(r"`(?:python )?((?:benchmarks|scripts)/[\w/]+\.(?:py|sh))", text):
        assert (ROOT / script).is_file(), script


def test_a_csv_in_the_form_of_its_page_is_quoted_as_it_stands(
    tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new.csv").write_text("grid,EG\n300 m,8.41\n")
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    page = "# Page\n\n<!-- table: new -->\n<!-- end of table -->\n\nText.\n"
    made = tables.with_tables(page)
    assert "| grid | EG |\n| --- | --- |\n| 300 m | 8.41 |\n" in made
    assert tables.with_tables(made) == made
    assert made.endswith("<!-- end of table -->\n\nText.\n")


def test_what_collects_results_writes_what_pages_quote(
    tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    collect = importlib.import_module("collect_results")
    text = collect.table(tmp_path / "results_report.csv", ["", "EG"], [["stage 1", "8.05 [8.00, 8.10]"], ["both", ""]])
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    assert tables.QUOTED.search(text)
    assert tables.with_tables(text) == text
