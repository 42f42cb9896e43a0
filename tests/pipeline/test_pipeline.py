"""The two stages together: what a model folder keeps, and what a seed promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import spectremor as sp
from spectremor.core.errors import InputError
from spectremor.data.model_folder import read_model_folder, write_model_folder
from spectremor.examples import example_geology, example_source
from spectremor.pipeline import DEFAULT_MODEL, load_model


def test_save_load_identical_output(tmp_path: Path) -> None:
    config, tensors = read_model_folder(DEFAULT_MODEL)
    model = load_model()
    parts = {"surrogate": model.surrogate.parts(), "diffusion": model.diffusion.parts()}
    about = {k: v for k, v in config.items() if k not in (*parts, "format_version")}
    write_model_folder(tmp_path / "copy", parts=parts, about=about, card="# A copy\n")
    again = load_model(tmp_path / "copy")
    geology, source = example_geology(), example_source()
    assert again.predict(geology, source).values.tobytes() == model.predict(geology, source).values.tobytes()
    drawn = [m.generate(geology, source, seed=3, steps=2).values.tobytes() for m in (model, again)]
    assert drawn[0] == drawn[1]
    assert set(tensors) == set(parts)


def test_stage_one_alone_has_no_second_stage(tmp_path: Path) -> None:
    model = load_model()
    parts = {"surrogate": model.surrogate.parts()}
    write_model_folder(tmp_path / "stage1", parts=parts, about={}, card="# Stage 1\n")
    alone = load_model(tmp_path / "stage1")
    field = alone.predict(example_geology(), example_source())
    assert field.dims == ("component", "x", "y", "time")
    with pytest.raises(InputError, match="diffusion stage"):
        alone.restore(field)


def test_realization_r_is_the_same_whatever_their_number() -> None:
    model = load_model()
    stage1 = model.predict(example_geology(), example_source())
    three = model.restore(stage1, realizations=3, seed=5, steps=2)
    one = model.restore(stage1, realizations=1, seed=5, steps=2)
    np.testing.assert_array_equal(three.values[0], one.values[0])
    assert three.attrs["seed"] == 5
    assert three.attrs["model"] == model.model_id


@pytest.mark.parametrize(("name", "value"), [("realizations", 0), ("seed", -1), ("steps", 0)])
def test_numbers_that_cannot_be(name: str, value: int) -> None:
    with pytest.raises(InputError, match=name):
        sp.load_model().generate(example_geology(), example_source(), **{name: value})


def test_wrong_geology_size_names_both_sizes() -> None:
    small = sp.make_geology(example_geology().values[:20, :24])
    with pytest.raises(InputError, match=r"20.*32"):
        sp.load_model().predict(small, example_source())
