"""The command line that makes the same wavefield as the page."""

from __future__ import annotations

import shlex
from typing import Any

from spectremor.core.georeference import Georeference
from spectremor.web.choices import FileRupture, RandomRupture, SimulationChoice
from spectremor.web.ground import Ground
from spectremor.web.studio import Request, Studio

#: The file into which a velocity model of another program is imported.
_IMPORTED = "geology.nc"


def command_for(request: Request, studio: Studio, out: str = "field.nc") -> str:
    """Commands that make the same wavefield, ready to copy.

    No command makes a random rupture or the mean; for these it is a short Python program.

    Args:
        request: the request, without empty fields.
        studio: the studio that carries it out.
        out: file to write.

    Raises:
        InputError: files were read with different locations on Earth, or the model does not accept the request.
    """
    request.place()
    studio.check_accepted(request)
    if isinstance(request.rupture, RandomRupture) or (request.simulation is None and request.product == "mean"):
        return _script(request, studio, out)
    words = ["spectremor", "generate" if request.simulation is None else "simulate"]
    words += [*_ground_words(request.ground), *_earthquake_words(request), *_station_words(request)]
    words += _model_words(request, studio) if request.simulation is None else _simulation_words(request.simulation)
    return "\n".join([*_import_lines(request.ground), _line([*words, "--out", out])])


def _line(words: list[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _import_lines(ground: Ground) -> list[str]:
    """The command that imports a velocity model of another program; empty if the ground needs no import."""
    if ground.grid is None:
        return []
    extent = ",".join(_digits(side) for side in ground.grid.extent_m)
    words = ["spectremor", "geology", "import", ground.path, "--extent", extent]
    words += ["--spacing", _digits(ground.grid.spacing_m), *_place_words(ground.grid.corner)]
    return [_line([*words, "--out", _IMPORTED])]


def _ground_words(ground: Ground) -> list[str]:
    if ground.grid is not None:
        return ["--geology", _IMPORTED]
    return ["--geology", ground.path, *([] if ground.index is None else ["--index", str(ground.index)])]


def _earthquake_words(request: Request) -> list[str]:
    if isinstance(request.rupture, FileRupture):
        return ["--rupture", request.rupture.path]
    assert request.source is not None  # `_script` handles random ruptures
    numbers = [*request.source.position_m, *request.angles_deg]
    return ["--source", ",".join(map(_digits, numbers)), "--mw", f"{request.source.mw:.6g}"]


def _model_words(request: Request, studio: Studio) -> list[str]:
    words = ["--model", studio.command_folder(request.model)]
    if request.product == "stage1":
        return [*words, "--stage1-only"]
    return [*words, "--realizations", f"{request.realizations}", "--seed", f"{request.seed}"]


def _station_words(request: Request) -> list[str]:
    """Options for the stations, and for the location on Earth, which is the same for all files."""
    stations, rupture = request.stations, request.rupture
    words = [] if stations is None else ["--stations", stations.path]
    places = [read.place for read in (rupture, stations) if read is not None and read.place is not None]
    return [*words, *_place_words(next(iter(places), None))]


def _simulation_words(choice: SimulationChoice) -> list[str]:
    words = ["--grid-spacing", _digits(choice.grid_spacing_m), "--duration", _digits(choice.duration_s)]
    return [*words, "--lowpass", _digits(choice.lowpass_hz)]


def _place_words(place: Georeference | None) -> list[str]:
    if place is None:
        return []
    words = ["--origin-lon", _digits(place.longitude_deg), "--origin-lat", _digits(place.latitude_deg)]
    words += ["--azimuth", _digits(place.azimuth_deg)] if place.azimuth_deg else []
    return words + (["--crs", place.crs] if place.crs else [])


def _script(request: Request, studio: Studio, out: str) -> str:
    """A Python program that makes the wavefield, for what no command can make."""
    lines = ["python - <<'END'", "import spectremor as sp", _read_ground(request.ground), *_earthquake(request)]
    more = ""
    if request.stations is not None:
        lines.append(f"stations = sp.read_stations({request.stations.path!r}, {_corner(request.stations.place)})")
        more = ", stations=stations"
    if request.simulation is not None:
        choice = request.simulation
        more += f", grid_spacing_m={_digits(choice.grid_spacing_m)}, duration_s={_digits(choice.duration_s)}"
        more += f", lowpass_hz={_digits(choice.lowpass_hz)}"
        lines.append(f"field = sp.simulate(geology, earthquake{more})")
    else:
        verb = {"mean": "expect", "stage1": "predict", "draws": "generate"}[request.product]
        if request.product == "draws":
            more += f", realizations={request.realizations}, seed={request.seed}"
        model = studio.command_folder(request.model)
        lines.append(f"field = sp.load_model({model!r}).{verb}(geology, earthquake{more})")
    return "\n".join([*lines, f"sp.write_wavefield(field, {out!r})", "END"])


def _read_ground(ground: Ground) -> str:
    more = "" if ground.index is None else f", index={ground.index}"
    if ground.grid is not None:
        extent = ", ".join(map(_digits, ground.grid.extent_m))
        more = f", extent_m=({extent}), spacing_m={_digits(ground.grid.spacing_m)}"
        more += "" if ground.grid.corner is None else f", corner={_corner(ground.grid.corner)}"
    return f"geology = sp.read_geology({ground.path!r}{more})"


def _earthquake(request: Request) -> list[str]:
    rupture = request.rupture
    if isinstance(rupture, FileRupture):
        return [f"earthquake = sp.read_rupture({rupture.path!r}, {_corner(rupture.place)})"]
    if isinstance(rupture, RandomRupture):
        where, angles = _numbers(rupture.hypocentre_m), _angles(rupture.angles_deg)
        call = f"mw={_digits(rupture.mw)}, hypocentre_m={where}, {angles}, seed={rupture.seed}, geology=geology"
        return [f"earthquake = sp.Rupture.from_magnitude({call})"]
    assert request.source is not None
    where, angles = _numbers(request.source.position_m), _angles(request.angles_deg)
    return [f"earthquake = sp.Source.from_angles(position_m={where}, {angles}, mw={request.source.mw:.6g})"]


def _corner(place: Georeference | None) -> str:
    if place is None:
        return "None"
    words = [f"longitude_deg={_digits(place.longitude_deg)}", f"latitude_deg={_digits(place.latitude_deg)}"]
    words += [f"azimuth_deg={_digits(place.azimuth_deg)}"] if place.azimuth_deg else []
    words += [f"crs={place.crs!r}"] if place.crs else []
    return f"sp.Georeference({', '.join(words)})"


def _angles(angles_deg: tuple[float, float, float]) -> str:
    return ", ".join(f"{n}_deg={_digits(v)}" for n, v in zip(("strike", "dip", "rake"), angles_deg, strict=True))


def _numbers(values: Any) -> str:
    return f"({', '.join(map(_digits, values))})"


def _digits(value: float) -> str:
    return f"{value:.10g}"
