"""Settings are small, plain YAML: what could grow is refused before it does."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spectremor.core import yaml_files
from spectremor.core.errors import InputError
from spectremor.core.yaml_files import read_yaml

CRAFTED = Path(__file__).parents[1] / "data" / "crafted"

WORDS = st.text(string.ascii_letters + " :-#'", min_size=1, max_size=6)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ((CRAFTED / "anchors.yaml").read_text(), "more than 10000 values"),
        ("steps: " + "9" * 9000, "a number of 9000 characters"),
        ("steps: 0x" + "9" * 9000, "a number of 9002 characters"),
        ("steps: 0b" + "1" * 9000, "a number of"),
        ("steps: " + ":".join(["59"] * 3000), "a number of"),
        ("steps: !!int '" + "9" * 9000 + "'", "a number of"),
        ("steps: 0." + "1" * 9000, "a number of"),
        ("? " + "9" * 9000 + "\n: 1", "a number of"),
        ("a: &a [*a]", "levels"),
        ("a: &a {<<: *a}", "levels"),
        ("[" * 60 + "]" * 60, "levels"),
        ("[" * 3000, "recursion"),
        ("[" + "a," * 20_000 + "]", "more than 10000 values"),
        ("a: " + "x" * 70_000, "at most 65536 bytes"),
        ("<<: 3", "mapping"),
        ("!!int []", "scalar"),
        ("!!python/object/apply:os.system [ls]", "constructor"),
        ("a: 2001-99-99", "month"),
        ("a: *b", "undefined alias"),
        ("a: 1\n---\nb: 2", "single document"),
        (b"\xff\xfe\xff", "readable YAML"),
        ("a: 1".encode("utf-16"), "UTF-16 text: save it as UTF-8"),
        ("steps: 10\nrate: 1\nsteps: 100\n", "the key steps 2 times"),
        ("a: {b: 1, 'b': 2}", "the key b 2 times"),
        ("seed: 010", "the number 010"),
        ("minutes: 1:30", "the number 1:30"),
    ],
)
def test_what_grows_or_breaks_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as refused:
        read_yaml(written(tmp_path, text), "--config")
    assert refused.value.field == "--config"
    assert len(str(refused.value)) < 500


def test_what_is_small_is_read(tmp_path):
    assert read_yaml(written(tmp_path, ""), "c") == {}
    assert read_yaml(written(tmp_path, "\ufeffa: 1"), "c") == {"a": 1}
    text = "base: &base {x: 1, y: 2}\nother:\n  <<: *base\n  y: 3\nlist: [*base, *base]"
    expected = {"base": {"x": 1, "y": 2}, "other": {"x": 1, "y": 3}, "list": [{"x": 1, "y": 2}] * 2}
    assert read_yaml(written(tmp_path, text), "c") == expected
    assert read_yaml(written(tmp_path, "a: 1" + "0" * 50), "c") == {"a": 10**50}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | WORDS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
        max_leaves=20,
    )
)
def test_plain_values_come_back(tmp_path_factory, values):
    path = written(tmp_path_factory.mktemp("yaml"), yaml.safe_dump(values, allow_unicode=True))
    assert read_yaml(path, "c") == ({} if values is None else values)


@given(levels=st.integers(1, 9), width=st.integers(1, 9))
def test_aliases_are_counted_as_often_as_they_stand_for(tmp_path_factory, levels, width):
    """A chain of lists, each `width` times the one before: about width ** levels values."""
    lines = ["a0: &a0 [" + ",".join("x" * width) + "]"]
    lines += [f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * width)}]" for k in range(1, levels)]
    path = written(tmp_path_factory.mktemp("yaml"), "\n".join(lines))
    if width**levels > yaml_files.MAX_NODES:
        with pytest.raises(InputError, match="aliases replaced"):
            read_yaml(path, "c")
    elif width ** (levels + 1) * 2 < yaml_files.MAX_NODES:
        assert len(read_yaml(path, "c")) == levels


@pytest.mark.parametrize("command", ["train", "create", "slurm"])
def test_devices_and_pipes_end_with_exit_2(command, here, tmp_path, capfd):
    os.mkfifo(tmp_path / "pipe.yaml")
    for config in ("/dev/zero", tmp_path / "pipe.yaml"):
        arguments = {
            "train": ("train", "mifno", "--config", config, "--data", tmp_path, "--out", tmp_path / "run"),
            "create": ("dataset", "create", "--n", 1, "--preset", config, "--out", tmp_path / "d.zarr"),
            "slurm": ("dataset", "create", "--n", 1, "--slurm", config, "--out", tmp_path / "d.zarr"),
        }[command]
        assert here(*arguments) == 2
        assert "a device, pipe or socket" in capfd.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["pipe.yaml"]
