"""Every verb, registered in the order that `--help` shows.

A verb lives in a file of its own and imports what it needs inside its function, so that `--help` stays quick.
"""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Attach all verbs to the application."""
    from spectremor.cli import dataset, evaluate, experiment, export, generate, geology, serve, simulate, train

    simulate.register(app)
    geology.register(app)
    dataset.register(app)
    train.register(app)
    generate.register(app)
    evaluate.register(app)
    experiment.register(app)
    export.register(app)
    serve.register(app)
