"""Raw waveforms (miniSEED, ASDF) with StationXML, as ground velocity: the instrument's response is removed."""

from __future__ import annotations

import dataclasses
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spectremor.core.errors import InputError, InputWarning
from spectremor.core.extras import need
from spectremor.core.reading import read_small_file
from spectremor.data.hdf5 import open_hdf5
from spectremor.exchange.recorded_stations import Channel, RecordedStation

if TYPE_CHECKING:
    from obspy import Stream, Trace
    from obspy.core.inventory import Inventory

_MOST_BYTES = 1 << 30
#: Units of ground motion in StationXML.
_MOTION_UNITS = ("m", "m/s", "m/s**2")
#: Order of preference among a station's instruments: accelerometers first, which do not clip near earthquakes.
_INSTRUMENTS = "NHLG"
#: Share of a record that is tapered to 0 at each end before its response is removed.
_TAPER = 0.05
#: Upper end of the usable band, as a share of the sampling rate.
_HIGHEST_SHARE = 0.4
#: Number of equal samples in a row, at a record's extreme value, from which it is taken to be clipped.
_FLAT_SAMPLES = 5


@dataclasses.dataclass(frozen=True, eq=False)
class Raw:
    """Waveforms in counts, and the metadata of the instruments.

    Attributes:
        stream: waveforms, as ObsPy's object.
        inventory: metadata, as ObsPy's object.
    """

    stream: Stream
    inventory: Inventory

    def __add__(self, other: Raw) -> Raw:
        return Raw(self.stream + other.stream, self.inventory + other.inventory)


def nothing() -> Raw:
    """An empty `Raw`: no waveform and no instrument."""
    obspy = need("obspy", "exchange")
    return Raw(obspy.Stream(), obspy.Inventory(networks=[], source=""))


def read_mseed(path: Path) -> Raw:
    """The waveforms of a miniSEED file.

    Raises:
        InputError: a damaged file.
    """
    obspy = need("obspy", "exchange")
    content = read_small_file(path, field="recordings", allowed="miniSEED", most_bytes=_MOST_BYTES)
    try:
        # The format is fixed: without it ObsPy would try all formats, pickles included.
        stream = obspy.read(io.BytesIO(content), format="MSEED")
    # ObsPy raises many types of errors.
    except Exception as error:
        raise InputError("recordings", f"{path} ({_reason(error)})", "a whole miniSEED file") from None
    return Raw(stream, nothing().inventory)


def read_asdf(path: Path) -> Raw:
    """The waveforms and stations of an ASDF file.

    Raises:
        InputError: HDF5 of another kind, or several sets of waveforms (tags).
    """
    pyasdf, raw = need("pyasdf", "exchange"), nothing()
    # The memory that pyasdf will need is checked first.
    with open_hdf5(path, field="recordings", allowed="an ASDF file", groups=True):
        pass
    try:
        with pyasdf.ASDFDataSet(str(path), mode="r", mpi=False) as store:
            tags = sorted(store.waveform_tags)
            if len(tags) != 1:
                raise InputError("recordings", f"{path} with waveforms tagged {', '.join(tags) or '(none)'}", "one tag")
            for station in store.waveforms:
                inventory = station.StationXML if "StationXML" in station else nothing().inventory
                raw = raw + Raw(station[tags[0]], inventory)
    except InputError:
        raise
    # HDF5 and pyasdf raise many types of errors for other files.
    except Exception as error:
        raise InputError("recordings", f"{path} ({_reason(error)})", "an ASDF file") from None
    return raw


def stations_of_raw(raw: Raw, lowest_hz: float) -> Iterator[RecordedStation]:
    """The stations with three channels without gaps; warnings name the other ones.

    Args:
        raw: all waveforms and instruments.
        lowest_hz: motion below it is removed together with the response: instruments and noise leave little of it.

    Raises:
        InputError: a channel without response, or one in units that are not those of ground motion.

    Warns:
        InputWarning: stations that are left out, since they have gaps or fewer than three channels, and clipped ones.
    """
    names = sorted({f"{t.stats.network}.{t.stats.station}" for t in raw.stream})
    for name in names:
        network, station = name.split(".")
        traces = _one_instrument(raw.stream.select(network=network, station=station), name)
        if traces is not None:
            yield _station(traces, raw.inventory, name, lowest_hz)


def _one_instrument(stream: Stream, name: str) -> list[Trace] | None:
    """Three traces of one instrument, or None for a station without an instrument free of gaps."""
    groups: dict[tuple[str, str], dict[str, list[Trace]]] = {}
    for trace in stream:
        key = trace.stats.location, trace.stats.channel[:2]
        groups.setdefault(key, {}).setdefault(trace.stats.channel[2:], []).append(trace)
    reasons = []
    for (location, code), channels in sorted(groups.items(), key=lambda item: _rank(item[0])):
        if len(channels) != 3:
            reasons.append(f"{location}.{code} has {len(channels)} channels, not 3")
            continue
        merged = {component: _merged(traces) for component, traces in channels.items()}
        gaps = [component for component, trace in merged.items() if trace is None]
        if gaps:
            reasons.append(f"{location}.{code}{gaps[0]} has a gap or overlapping pieces that differ")
            continue
        return [trace for _, trace in sorted(merged.items()) if trace is not None]
    _warn(f"recordings: station {name} is left out: {'; '.join(reasons)}")
    return None


def _rank(key: tuple[str, str]) -> tuple[int, str, str]:
    instrument = key[1][1:]
    return (_INSTRUMENTS.index(instrument) if instrument in _INSTRUMENTS else len(_INSTRUMENTS), *key)


def _merged(traces: list[Trace]) -> Trace | None:
    """One trace, or None where pieces leave a gap or contradict each other."""
    if len(traces) == 1:
        return traces[0]
    stream = need("obspy", "exchange").Stream([trace.copy() for trace in traces])
    try:
        stream.merge(method=0)
    # ObsPy refuses pieces of different sampling rates or types.
    except Exception:
        return None
    merged = stream[0]
    return None if len(stream) != 1 or np.ma.is_masked(merged.data) else merged


def _station(traces: list[Trace], inventory: Inventory, name: str, lowest_hz: float) -> RecordedStation:
    metadata = [_metadata(trace, inventory) for trace in traces]
    channels = [_velocity(trace, inventory, place, lowest_hz) for trace, place in zip(traces, metadata, strict=True)]
    first = metadata[0]
    return RecordedStation(
        name=name,
        longitude_deg=float(first["longitude"]),
        latitude_deg=float(first["latitude"]),
        depth_m=float(first["local_depth"] or 0.0),
        channels=(channels[0], channels[1], channels[2]),
    )


def _metadata(trace: Trace, inventory: Inventory) -> dict[str, Any]:
    try:
        metadata: dict[str, Any] = inventory.get_channel_metadata(trace.id, trace.stats.starttime)
    # ObsPy raises a bare Exception.
    except Exception:
        allowed = "StationXML with this channel and its response at that time"
        raise InputError(f"recordings.{trace.id}", "no metadata", allowed) from None
    return metadata


def _velocity(trace: Trace, inventory: Inventory, metadata: dict[str, Any], lowest_hz: float) -> Channel:
    where, sampling_hz = f"recordings.{trace.id}", float(trace.stats.sampling_rate)
    _check_samples(trace, where)
    _check_response(trace, inventory, where)
    highest_hz = _HIGHEST_SHARE * sampling_hz
    motion = trace.copy()
    motion.data = np.asarray(trace.data, dtype=np.float64)
    motion.detrend("linear")
    corners = (0.5 * lowest_hz, lowest_hz, highest_hz, 0.5 * sampling_hz)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        motion.remove_response(inventory, output="VEL", pre_filt=corners, taper_fraction=_TAPER)
    if metadata["azimuth"] is None or metadata["dip"] is None:
        raise InputError(where, "no azimuth or dip", "StationXML that says where the channel points")
    return Channel(
        code=trace.stats.channel,
        azimuth_deg=float(metadata["azimuth"]),
        dip_deg=float(metadata["dip"]),
        velocity_m_s=motion.data,
        start_s=float(trace.stats.starttime.timestamp),
        step_s=1.0 / sampling_hz,
        band_hz=(lowest_hz, highest_hz),
    )


def _check_response(trace: Trace, inventory: Inventory, where: str) -> None:
    try:
        response = inventory.get_response(trace.id, trace.stats.starttime)
    # ObsPy raises a bare Exception.
    except Exception:
        response = None
    sensitivity = None if response is None else response.instrument_sensitivity
    if sensitivity is None or not response.response_stages:
        raise InputError(where, "no response", "StationXML with the response of this channel")
    unit = str(sensitivity.input_units or "none").lower()
    if unit not in _MOTION_UNITS:
        raise InputError(where, f"a response to {unit}", f"ground motion in {', '.join(_MOTION_UNITS)}")


def _check_samples(trace: Trace, where: str) -> None:
    data = np.asarray(trace.data)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        bad = int((~np.isfinite(data)).sum())
        raise InputError(where, f"{bad} NaN or infinite samples", "numbers")
    if len(data) < 16 or float(data.min()) == float(data.max()):
        raise InputError(where, f"{len(data)} samples without motion", "a record of motion")
    longest = max(_longest_run(data == data.max()), _longest_run(data == data.min()))
    if longest >= _FLAT_SAMPLES and np.abs(data - np.median(data)).max() > 1000 * max(1.0, _noise_level(data)):
        _warn(f"{where}: {longest} equal samples in a row at its extreme: the record looks clipped")


def _noise_level(data: np.ndarray) -> float:
    """Typical difference between neighbouring samples, a measure of noise."""
    return float(np.median(np.abs(np.diff(data.astype(float)))))


def _longest_run(marks: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(int), [0]])))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _warn(message: str) -> None:
    warnings.warn(message, InputWarning, stacklevel=2)
