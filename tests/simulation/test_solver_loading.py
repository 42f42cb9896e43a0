"""deepwave comes without torch's compiler, and torch stays as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import torch
from spectremor.simulation.solver import load_deepwave

mark = torch.compiler.disable
deepwave = load_deepwave()
assert deepwave.elastic and load_deepwave() is deepwave
assert torch.compiler.disable is mark
print("torch._dynamo" in sys.modules)
"""


def test_no_compiler_is_loaded_and_torch_is_as_it_was() -> None:
    pytest.importorskip("deepwave")
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "False\n"), result.stderr


def test_only_functions_of_deepwave_stay_unmarked() -> None:
    from spectremor.simulation.solver import _unmarked_in_deepwave

    disable = _unmarked_in_deepwave(lambda function, **keywords: (function, keywords))

    def ours() -> None: ...

    def theirs() -> None: ...

    theirs.__module__ = "deepwave.elastic"
    assert disable(theirs) is theirs
    assert disable(recursive=False)(theirs) is theirs
    assert disable(ours) == (ours, {})
    assert disable(recursive=False)(ours) == (ours, {"recursive": False})
