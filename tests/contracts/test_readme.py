"""The README's own program and commands, run as written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme")
    (path / "src").symlink_to(ROOT / "src")
    return path


@pytest.mark.slow
def test_the_ten_lines_of_python(folder: Path) -> None:
    (program,) = blocks("python")
    environment = dict(os.environ, MPLBACKEND="agg")
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=folder, env=environment, check=True, timeout=300)
    assert xr.open_dataarray(folder / "field.nc").shape == (4, 3, 32, 32, 320)


@pytest.mark.slow
def test_the_commands_that_finish(folder: Path) -> None:
    text = blocks("bash")[1]
    (geology,) = re.findall(r"^geology=(\S+)", text, flags=re.MULTILINE)
    lines = [line.replace("$geology", geology) for line in text.splitlines() if line.startswith("spectremor")]
    commands = [shlex.split(line, comments=True) for line in lines if "serve" not in line]
    assert len(commands) >= 4
    for command in commands:
        program = [sys.executable, "-m", "spectremor", *command[1:]]
        done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http", "mailto")):
                assert (page.parent / target).exists(), f"{page.name} -> {target}"
