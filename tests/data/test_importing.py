"""Import of the published forms: raw and machine-learning, plain and zipped, with bounded memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from spectremor.core.errors import InputError
from spectremor.core.source import Source
from spectremor.data import published_folder
from spectremor.data.importing import import_published
from spectremor.data.published import form_of, v1_source
from spectremor.data.published_folder import PublishedFolder
from spectremor.data.source_table import read_sources_csv
from spectremor.data.store import CampaignStore
from spectremor.data.store_check import check_store
from spectremor.signal.filters import low_pass

#: Nodes and sensors along an axis, fewer than the published 32.
N, SENSORS = 8, 12


def _noise(i, nt=800):
    return np.random.default_rng(i).normal(size=(3, SENSORS, SENSORS, nt)).astype(np.float32)


def _write_h5(path, traces, **more):
    with h5py.File(path, "w") as file:
        for name, component in zip(("uE", "uN", "uZ"), traces, strict=True):
            file[name] = component.swapaxes(0, 1)
        for name, values in more.items():
            file[name] = values


def _rows(count):
    rng = np.random.default_rng(9)
    low, high = (1200, 1200, -9000, 0, 0, 0), (8400, 8400, -600, 360, 90, 360)
    return rng.uniform(low, high, (count, 6))


def _vs(count):
    return np.random.default_rng(8).uniform(1100, 4400, (count, N, N, N)).astype(np.float32)


@pytest.fixture
def raw(tmp_path):
    """Simulations 1, 3 (zipped) and 10 of a raw folder with 12 geologies in two stacks."""
    folder = tmp_path / "raw"
    folder.mkdir()
    np.save(folder / "materials8-11.npy", _vs(12)[8:])
    np.save(folder / "materials0-7.npy", _vs(12)[:8])
    table = "\n".join(",".join(f"{v:.10g}" for v in row) for row in _rows(12))
    (folder / "sources.csv").write_text(f"x,y,z,strike,dip,rake\n{table}\n")
    _write_h5(folder / "sample10.h5", _noise(10))
    for i in (1, 3):
        _write_h5(tmp_path / f"sample{i}.h5", _noise(i))
    with zipfile.ZipFile(folder / "velocity0-9.zip", "w") as archive:
        archive.write(tmp_path / "sample3.h5", "velocity/sample3.h5")
        archive.write(tmp_path / "sample1.h5", "velocity/sample1.h5")
    return folder


def test_raw_form(raw, tmp_path):
    store = import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")
    assert store.ids().tolist() == [0, 1, 2]
    assert store.attrs["published_numbers"] == [[1, 1], [3, 3], [10, 10]]
    for position, number in enumerate((1, 3, 10)):
        np.testing.assert_array_equal(store.vs(position), _vs(12)[number])
        x, y, z, strike, dip, rake = _rows(12)[number]
        expected = Source.from_angles(
            position_m=(x, y, z), strike_deg=strike, dip_deg=dip, rake_deg=rake, convention="hemew"
        )
        assert store.source(position).position_m == pytest.approx((x, y, z), rel=1e-8)
        np.testing.assert_allclose(store.source(position).moment_tensor_nm, expected.moment_tensor_nm, rtol=1e-6)
        filtered = low_pass(_noise(number).astype(float), 0.01, 5.0)[..., ::2][..., :320]
        np.testing.assert_allclose(store.velocity(position), filtered, rtol=1e-5, atol=1e-7)
    assert store.time_s[[0, -1]] == pytest.approx([0.0, 6.38])
    # The split goes by published number: 3 and 10 are test samples.
    assert store.ids("test").tolist() == [1, 2]
    assert check_store(store) == {}


def test_learning_form_in_numeric_order(tmp_path):
    for i in (2, 10):
        _write_h5(tmp_path / f"sample{i}.h5", _noise(i, 320), a=_vs(12)[i], s=_rows(12)[i, :3], angle=_rows(12)[i, 3:])
    store = import_published(PublishedFolder.scan(tmp_path), tmp_path / "d.zarr")
    np.testing.assert_array_equal(store.velocity(0), _noise(2, 320))
    np.testing.assert_array_equal(store.velocity(1), _noise(10, 320))
    assert store.source(1).position_m == pytest.approx(_rows(12)[10, :3])


def test_version_1(hemew3d, tmp_path):
    store = import_published(PublishedFolder.scan(hemew3d), tmp_path / "d.zarr")
    assert len(store.ids()) == 3
    assert (len(store.x_m), len(store.y_m), store.time_s[0]) == (16, 16, pytest.approx(0.98))
    np.testing.assert_allclose(store.source(2).moment_tensor_nm, v1_source().moment_tensor_nm)


def _import_two(folder, out):
    """Killed when two are there."""

    class Killed(BaseException):
        pass

    def kill(done, total):
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        import_published(folder, out, report=kill)


def test_an_interrupted_import_carries_on(raw, tmp_path):
    folder = PublishedFolder.scan(raw)
    _import_two(folder, tmp_path / "d.zarr")
    assert len(CampaignStore.open(tmp_path / "d.zarr").ids()) == 2
    assert len(import_published(folder, tmp_path / "d.zarr").ids()) == 3


def test_another_import_is_not_mixed_in(raw, tmp_path):
    import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")
    (raw / "sample10.h5").unlink()
    with pytest.raises(InputError, match="another dataset"):
        import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")


def test_second_numbering(raw, tmp_path):
    (raw / "velocity0-9.zip").unlink()
    (raw / "sample10.h5").rename(raw / "sample100010.h5")
    store = import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")
    np.testing.assert_array_equal(store.vs(0), _vs(12)[10])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "sources.csv").unlink(), "sources"),
        (lambda f: (f / "sources.csv").write_text("x,y\n1,2\n"), "columns"),
        (lambda f: (f / "sources.csv").write_text("x,y,z,strike,dip,rake\n" + "1,2,3,4,5,six\n" * 12), "sources"),
        (lambda f: [p.unlink() for p in f.glob("*.npy")], "geologies"),
        (lambda f: (f / "materials8-11.npy").unlink(), "simulation 10"),
        (lambda f: (f / "velocity0-9.zip").write_bytes(b"PK not a zip"), "zip"),
        (lambda f: (f / "sources.csv").write_text("x,y,z,strike,dip,rake\n" + "1" * 200_000), "sources"),
        (lambda f: _spoil_zip(f, 8, 99), "zip"),
        (lambda f: _spoil_zip(f, 6, 1), "zip"),
        (lambda f: (f / "again3.h5").write_bytes((f / "sample10.h5").read_bytes()), "number 3 twice"),
        (lambda f: (f / "sample10.h5").write_bytes((f / "sample10.h5").read_bytes()[:9000]), "sample10"),
    ],
)
def test_bad_folders(raw, tmp_path, spoil, message):
    spoil(raw)
    with pytest.raises(InputError, match=message):
        import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")


def _spoil_zip(folder, at, value):
    """Write another packing method (at 8), or that it is encrypted (at 6), into all headers of the archive."""
    path = folder / "velocity0-9.zip"
    content = bytearray(path.read_bytes())
    for signature, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        start = content.find(signature)
        while start >= 0:
            content[start + at + shift] = value
            start = content.find(signature, start + 4)
    path.write_bytes(content)


def test_a_damaged_stream_in_an_archive(raw, tmp_path):
    path = raw / "velocity0-9.zip"
    path.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "sample3.h5", "sample3.h5")
    content = bytearray(path.read_bytes())
    content[60:90] = bytes([255] * 30)
    path.write_bytes(content)
    with pytest.raises(InputError, match="a whole zip archive"):
        import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")


def test_an_archive_of_a_later_version(raw):
    path = raw / "velocity0-9.zip"
    content = bytearray(path.read_bytes())
    start = content.find(b"PK\x01\x02")
    content[start + 6] = 99
    path.write_bytes(content)
    with pytest.raises(InputError, match="a whole zip archive"):
        PublishedFolder.scan(raw)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("sample12.h5", 12),
        ("HEMEW_v2_sample12.h5", 12),
        ("HEMEW-3D_sample7.h5", 7),
        ("velocity0-9.zip", 0),
        ("sample_v3.h5", -1),
        ("1" * 5000 + ".h5", -1),
        ("wave.h5", -1),
    ],
)
def test_numbers_of_files(name, number):
    assert published_folder._number(name) == number


def test_another_dataset_with_the_same_numbers_is_not_mixed_in(raw, tmp_path):
    """Stopped in the middle of one, the command is given another folder whose numbers are the same."""
    _import_two(PublishedFolder.scan(raw), tmp_path / "d.zarr")
    table = (raw / "sources.csv").read_text().splitlines()
    (raw / "sources.csv").write_text("\n".join([table[0], *reversed(table[1:])]) + "\n")
    with pytest.raises(InputError, match="its sample 2 has another source"):
        import_published(PublishedFolder.scan(raw), tmp_path / "d.zarr")
    assert len(CampaignStore.open(tmp_path / "d.zarr").ids()) == 2


def test_raw_files_at_rest_are_not_taken_for_version_1(tmp_path):
    still = np.zeros((3, 32, 32, 800), np.float32)
    _write_h5(tmp_path / "sample0.h5", still)
    with h5py.File(tmp_path / "sample0.h5") as file:
        assert form_of(file, still) == "v2-raw"
        assert form_of(file, still[..., :320]) == "v1"


def test_nothing_to_import(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="import"):
            PublishedFolder.scan(path)


def test_csv_without_header_and_with_more_columns(tmp_path):
    table = tmp_path / "s.csv"
    table.write_text("0,1200,2400,-3600,48,45,88\n")
    assert read_sources_csv(table)[0].position_m == (1200.0, 2400.0, -3600.0)
    table.write_text("index,rake (deg),dip,strike_deg,z_s,y_s,x_s\n0,88,45,48,-8400,4800,4800\n")
    assert read_sources_csv(table)[0] == v1_source()


ROW = "3600,5700,-5400,35,50,75"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("\ufeffx,y,z,strike,dip,rake", ROW),
        (" X , y_s, Z (m),Strike (deg), dip [degrees],rake_deg", ROW),
        ("x (km),y_km,z [kilometers],strike,dip,rake", "3.6,5.7,-5.4,35,50,75"),
        ("x_s (km),y,z,strike,dip (°),rake", "3.6,5700,-5400,35,50,75"),
        ("x_receiver,xylophone,x,y,z,strike,dip,rake", f"1,2,{ROW}"),
        (ROW, ROW),
    ],
)
def test_columns_by_exact_names_in_their_units(tmp_path, header, row):
    (tmp_path / "s.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    source = read_sources_csv(tmp_path / "s.csv")[0]
    assert source.position_m == pytest.approx((3600, 5700, -5400))
    expected = Source.from_angles(
        position_m=source.position_m, strike_deg=35, dip_deg=50, rake_deg=75, convention="hemew"
    )
    np.testing.assert_allclose(source.moment_tensor_nm, expected.moment_tensor_nm, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"x (furlong),y,z,strike,dip,rake\n{ROW}", r"column x \(furlong\)"),
        (f"x,y,z,strike (rad),dip,rake\n{ROW}", r"column strike \(rad\); allowed: strike in degrees"),
        (f"x,x_km,y,z,strike,dip,rake\n1,{ROW}", "columns x and x_km; allowed: one column x"),
        (f"xs,y,z,strike,dip,rake\n{ROW}", "columns"),
        (f"x_receiver,y,z,strike,dip,rake\n{ROW}", "columns"),
        (f"x;y;z;strike;dip;rake\n{ROW.replace(',', ';')}", "separated by semicolons"),
        (ROW.replace(",", ";"), "separated by semicolons"),
        ("3600,5;5700,5;-5400,5;35,5;50,5;75,5", "separated by semicolons"),
        (f"x\ty\tz\tstrike\tdip\trake\n{ROW}", "separated by tabs"),
        (f"x|y|z|strike|dip|rake\n{ROW}", "separated by bars"),
        (f"x y z strike dip rake\n{ROW}", "separated by blanks"),
        ("x,y,z,strike,dip,rake\n1,2,nan,4,5,6", "finite"),
        ("\n\n", "an empty table"),
    ],
)
def test_tables_that_could_be_misread_are_refused(tmp_path, text, words):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InputError, match=words) as refused:
        read_sources_csv(tmp_path / "s.csv")
    assert refused.value.field == "sources"


def test_tables_as_spreadsheets_write_them():
    crafted = Path(__file__).with_name("crafted")
    for name in ("sources_bom.csv", "sources_km.csv"):
        positions = [source.position_m for source in read_sources_csv(crafted / name)]
        assert positions[0] == pytest.approx((3600, 5700, -5400))
        assert positions[1] == pytest.approx((4600, 5700, -5400))
    with pytest.raises(InputError, match="semicolons"):
        read_sources_csv(crafted / "sources_semi.csv")
    with pytest.raises(InputError, match="not UTF-8"):
        read_sources_csv(crafted / "bomb_three_deflates.h5")


def test_a_refused_import_leaves_nothing(raw, tmp_path):
    content = (raw / "sample10.h5").read_bytes()
    (raw / "sample10.h5").write_bytes(content[:9000])
    folder = PublishedFolder.scan(raw)
    with pytest.raises(InputError, match="sample10"):
        import_published(folder, tmp_path / "d.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["raw", "sample1.h5", "sample3.h5"]
    # What an earlier call began is not this refusal's to remove.
    (raw / "sample10.h5").write_bytes(content)
    _import_two(folder, tmp_path / "d.zarr")
    (raw / "sample10.h5").write_bytes(content[:9000])
    with pytest.raises(InputError, match="sample10"):
        import_published(folder, tmp_path / "d.zarr")
    assert len(CampaignStore.open(tmp_path / "d.zarr").ids()) == 2


def test_archives_packed_by_other_methods_are_refused(raw, tmp_path):
    path = raw / "velocity0-9.zip"
    path.unlink()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("sample3.h5", bytes(50_000_000))
    assert path.stat().st_size < 1000
    with pytest.raises(InputError, match="packed by method 12"):
        PublishedFolder.scan(raw)


@pytest.mark.slow
def test_memory_is_bounded(tmp_path):
    """200 simulations hold 110 MB; importing them takes hardly more memory than importing two."""
    for i in range(200):
        _write_h5(tmp_path / f"sample{i}.h5", _noise(i, 320), a=_vs(1)[0], s=_rows(1)[0, :3], angle=_rows(1)[0, 3:])
    code = """
        import resource, sys
        from spectremor.data.importing import import_published
        from spectremor.data.published_folder import PublishedFolder
        folder = PublishedFolder.scan(sys.argv[1])
        peaks = []
        def note(done, total):
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        import_published(folder, sys.argv[1] + "/d.zarr", report=note)
        print((peaks[-1] - peaks[1]) / 1024)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 30


def test_verbs(raw, tmp_path):
    import typer

    from spectremor.cli import dataset

    app = typer.Typer()
    dataset.register(app)

    def call(*words):
        return CliRunner().invoke(app, ["dataset", *map(str, words)])

    out = tmp_path / "d.zarr"
    assert "3 samples imported" in call("import", raw, "--out", out).output
    assert "0 with problems" in call("check", out).output
    assert "3 of 3 samples complete" in call("info", out).output
    (out / "vs" / "c.1.0.0.0").unlink()
    bad = call("check", out)
    assert bad.exit_code == 1
    assert "sample 1: vs: NaN" in bad.output
