"""Published ground-motion models, through pygmm: the median and the scatter of what past earthquakes made."""

from __future__ import annotations

import dataclasses
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float

from spectremor.core.errors import InputError
from spectremor.core.extras import need
from spectremor.hazard.scenario import Scenario
from spectremor.signal.intensity import STANDARD_GRAVITY_M_S2


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Known:
    """A model of pygmm, and the range that its authors give.

    Attributes:
        pygmm_name: its class.
        reference: authors and year.
        mw: smallest and largest magnitude.
        vs30_m_s: smallest and largest Vs30.
    """

    pygmm_name: str
    reference: str
    mw: tuple[float, float]
    vs30_m_s: tuple[float, float]


#: All hold for shallow earthquakes in active crust; BSSA14 and ASK14 from Mw 3, CB14 and CY14 from 3.3 and 3.5.
_KNOWN = {
    "ASK14": _Known(
        pygmm_name="AbrahamsonSilvaKamai2014",
        reference="Abrahamson, Silva & Kamai (2014)",
        mw=(3.0, 8.5),
        vs30_m_s=(180.0, 1000.0),
    ),
    "BSSA14": _Known(
        pygmm_name="BooreStewartSeyhanAtkinson2014",
        reference="Boore, Stewart, Seyhan & Atkinson (2014)",
        mw=(3.0, 8.5),
        vs30_m_s=(150.0, 1500.0),
    ),
    "CB14": _Known(
        pygmm_name="CampbellBozorgnia2014",
        reference="Campbell & Bozorgnia (2014)",
        mw=(3.3, 8.5),
        vs30_m_s=(150.0, 1500.0),
    ),
    "CY14": _Known(
        pygmm_name="ChiouYoungs2014",
        reference="Chiou & Youngs (2014)",
        mw=(3.5, 8.5),
        vs30_m_s=(180.0, 1500.0),
    ),
    "ASB14": _Known(
        pygmm_name="AkkarSandikkayaBommer2014",
        reference="Akkar, Sandikkaya & Bommer (2014)",
        mw=(4.0, 8.0),
        vs30_m_s=(150.0, 1200.0),
    ),
}
#: Names of the models, by default all that are asked.
MODELS = tuple(_KNOWN)
#: The four NGA-West2 models that a test against recordings stands beside.
NGA_WEST2 = ("ASK14", "BSSA14", "CB14", "CY14")
#: Bayless & Abrahamson (2019) hold for Vs30 and magnitudes in these ranges; Afshari & Stewart (2016) likewise.
_FOURIER_VS30_M_S = (180.0, 1500.0)
_DURATION_VS30_M_S = (200.0, 1000.0)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ModelMotion:
    """What one ground-motion model says of several sites.

    Attributes:
        name: of the model, e.g. BSSA14.
        pga: median peak acceleration in m/s2.
        pgv: median peak velocity in m/s.
        sa: median SA in m/s2, 5% damping; NaN at periods that the model does not have.
        sigma_pga: standard deviation of ln PGA.
        sigma_pgv: standard deviation of ln PGV.
        sigma_sa: standard deviation of ln SA.
    """

    name: str
    pga: Float[np.ndarray, " site"]
    pgv: Float[np.ndarray, " site"]
    sa: Float[np.ndarray, "site period"]
    sigma_pga: Float[np.ndarray, " site"]
    sigma_pgv: Float[np.ndarray, " site"]
    sigma_sa: Float[np.ndarray, "site period"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelAnswers:
    """What several models say, and what they were asked outside the range of their data.

    Attributes:
        motions: one for each model.
        notes: sentences for people.
    """

    motions: tuple[ModelMotion, ...]
    notes: tuple[str, ...]


def reference_of(name: str) -> str:
    """Authors and year of a model.

    Example:
        >>> reference_of("CY14")
        'Chiou & Youngs (2014)'
    """
    return _known(name).reference


def ask_models(sites: Sequence[Scenario], periods_s: Sequence[float], names: Sequence[str] = MODELS) -> ModelAnswers:
    """Medians and standard deviations of RotD50 of several models at several sites.

    A Vs30 above the largest for which a model holds is taken as that one, since no model extrapolates to hard rock, and
    the notes say so, as they say of magnitudes outside a model's range. Depths to 1 and 2.5 km/s are the models' own
    averages for the Vs30.

    Args:
        sites: what each site sees.
        periods_s: of SA, in s.
        names: of the models, out of `MODELS`.

    Raises:
        InputError: no site, or a name that is none.
        MissingExtraError: pygmm is not installed.
    """
    if not sites:
        raise InputError("ground_motion_models.sites", "none", "one site or more")
    known = {name: _known(name) for name in names}
    pygmm = _pygmm()
    motions = tuple(_ask(getattr(pygmm, one.pygmm_name), name, sites, periods_s) for name, one in known.items())
    return ModelAnswers(motions=motions, notes=tuple(_notes(sites, known)))


def fourier_spectra(sites: Sequence[Scenario], frequencies_hz: Sequence[float]) -> Float[np.ndarray, "site frequency"]:
    """Median effective amplitude spectra of acceleration in m/s of Bayless & Abrahamson (2019).

    Args:
        sites: what each site sees.
        frequencies_hz: from 0.1 Hz; NaN below.
    """
    model = _pygmm().BaylessAbrahamson2019
    rows = []
    for site in sites:
        with _quiet():
            one = model(_scenario(site, _FOURIER_VS30_M_S))
        log = np.interp(np.log(frequencies_hz), np.log(one.freqs), one.ln_eas, left=np.nan, right=np.nan)
        rows.append(np.exp(log) * STANDARD_GRAVITY_M_S2)
    return np.array(rows)


def durations(sites: Sequence[Scenario]) -> Float[np.ndarray, " site"]:
    """Median D5-95 in s of Afshari & Stewart (2016)."""
    model = _pygmm().AfshariStewart2016
    found = []
    for site in sites:
        with _quiet():
            one = model(_scenario(site, _DURATION_VS30_M_S))
        found.append(float(np.exp(one._ln_dur[1])))
    return np.array(found)


def _ask(model: Any, name: str, sites: Sequence[Scenario], periods_s: Sequence[float]) -> ModelMotion:
    gravity, rows = STANDARD_GRAVITY_M_S2, []
    for site in sites:
        with _quiet():
            one = model(_scenario(site, _KNOWN[name].vs30_m_s))
            sa, sigma = one.interp_spec_accels(periods_s), one.interp_ln_stds(periods_s)
            # pygmm gives g and cm/s.
            peaks = one.pga * gravity, one.pgv / 100, one.ln_std_pga, one.ln_std_pgv
        rows.append((*peaks, sa * gravity, sigma))
    pga, pgv, sigma_pga, sigma_pgv, sa, sigma_sa = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return ModelMotion(name=name, pga=pga, pgv=pgv, sa=sa, sigma_pga=sigma_pga, sigma_pgv=sigma_pgv, sigma_sa=sigma_sa)


def _scenario(site: Scenario, vs30_m_s: tuple[float, float]) -> Any:
    return _pygmm().Scenario(
        mag=site.mw,
        mechanism=site.mechanism,
        dip=site.dip_deg,
        depth_hyp=site.hypocentre_depth_km,
        depth_tor=site.top_depth_km,
        width=site.width_km,
        dist_rup=site.rrup_km,
        dist_jb=site.rjb_km,
        dist_x=site.rx_km,
        on_hanging_wall=site.rx_km >= 0,
        v_s30=min(max(site.vs30_m_s, vs30_m_s[0]), vs30_m_s[1]),
    )


def _notes(sites: Sequence[Scenario], known: dict[str, _Known]) -> Iterator[str]:
    speeds, magnitudes = [s.vs30_m_s for s in sites], [s.mw for s in sites]
    for name, one in known.items():
        low, high = one.vs30_m_s
        if max(speeds) > high * (1 + 1e-9) or min(speeds) < low * (1 - 1e-9):
            yield (
                f"{name} holds for Vs30 from {low:g} to {high:g} m/s; here it is {min(speeds):.0f} to "
                f"{max(speeds):.0f} m/s, and the model was asked for the nearest that it holds for."
            )
        low, high = one.mw
        if min(magnitudes) < low or max(magnitudes) > high:
            yield f"{name} holds for Mw {low:g} to {high:g}; here it was asked for {min(magnitudes):.2f}."


def _known(name: str) -> _Known:
    if name not in _KNOWN:
        raise InputError("ground_motion_models", name, ", ".join(MODELS))
    return _KNOWN[name]


def _pygmm() -> Any:
    with _quiet():
        return need("pygmm", "hazard")


@contextmanager
def _quiet() -> Iterator[None]:
    """What pygmm says of ranges is said in `ModelAnswers.notes`; on import it leaves files open."""
    logger, level = logging.getLogger(), logging.getLogger().level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(max(level, logging.ERROR))
        try:
            yield
        finally:
            logger.setLevel(level)
