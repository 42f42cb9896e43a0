"""The library in somebody else's process: it neither depends on nor changes what belongs to the whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

#: Loads, generates, simulates, judges and draws, and saves the numbers that come out.
WORK = """
import sys
from pathlib import Path
import numpy as np
import spectremor as sp
from spectremor.core.geology import make_geology
from spectremor.examples import example_geology
from spectremor.report.overview import overview_figure

def work(model_folder, out):
    source = sp.Source.from_angles(
        position_m=(4800, 4800, -8400), strike_deg=48, dip_deg=45, rake_deg=88, moment_nm=2.47e16, rise_time_s=0.1
    )
    model = sp.load_model(model_folder)
    stage1 = model.predict(example_geology(), source)
    fields = {
        sampler: model.generate(example_geology(), source, realizations=2, seed=1, sampler=sampler, steps=2)
        for sampler in ("ddpm", "ddim", "dpm-solver++")
    }
    drawn = fields["ddim"].isel(realization=0)
    overview_figure(stage1, drawn, source)
    place = {"position_m": (1200, 1200, -1200), "strike_deg": 0, "dip_deg": 45, "rake_deg": 90}
    here = sp.Source.from_angles(**place, mw=4, rise_time_s=0.1)
    small = make_geology(np.full((9, 9, 9), 2000.0, dtype=np.float32), (2400.0, 2400.0, 2400.0))
    simulated = sp.simulate(
        small, here, grid_spacing_m=300, duration_s=1.0, lowpass_hz=2.0, sensors_m=([600.0, 1200.0], [900.0, 1500.0])
    )
    few = dict(x=slice(0, 2), y=slice(0, 2))
    scores = sp.evaluate(drawn.isel(few), stage1.isel(few))
    numbers = [stage1, *fields.values(), simulated, *(np.asarray(scores[name]) for name in sorted(scores))]
    np.savez(out, *(np.asarray(values) for values in numbers))
"""

STRANGE = """
import locale, os, random, signal, warnings
import matplotlib
import torch
# Some packages add filters of warnings when they are loaded.
import matplotlib.figure, scipy.sparse, scipy.special

torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_num_threads(2)
locale.setlocale(locale.LC_ALL, "C")
matplotlib.rcParams["font.size"] = 17
np.seterr(all="raise", under="ignore")
warnings.simplefilter("error")
for seed in (random.seed, np.random.seed, torch.manual_seed):
    seed(3)

def state():
    return {
        "torch's random numbers": torch.get_rng_state().numpy().tobytes(),
        "numpy's random numbers": str(np.random.get_state()),
        "random numbers": random.getstate(),
        "torch": (torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "numerical errors": np.geterr(),
        "warnings": (list(warnings.filters), warnings.showwarning),
        "locale": locale.setlocale(locale.LC_ALL),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
        # To ask for the backend would choose one.
        "matplotlib": [(k, matplotlib.rcParams[k]) for k in matplotlib.rcParams if k != "backend"],
        "compiler": torch.compiler.disable,
        "streams": (sys.stdout, sys.stderr),
    }

before = state()
assert before["threads"][0] == 2
work(*sys.argv[1:])
after = state()
changed = [name for name in before if before[name] != after[name]]
assert not changed, changed
assert "matplotlib.pyplot" not in sys.modules
"""


def run(program: str, *arguments: Path) -> None:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr


def test_nothing_of_the_process_is_needed_or_changed(tiny_model: Path, tmp_path: Path) -> None:
    """Its threads are as many as before, too."""
    pytest.importorskip("deepwave")
    run(WORK + "work(*sys.argv[1:])", tiny_model, tmp_path / "plain.npz")
    run(WORK + STRANGE, tiny_model, tmp_path / "strange.npz")
    plain, strange = np.load(tmp_path / "plain.npz"), np.load(tmp_path / "strange.npz")
    assert len(plain.files) > 5
    for name in plain.files:
        assert plain[name].dtype == strange[name].dtype
        assert plain[name].tobytes() == strange[name].tobytes()
