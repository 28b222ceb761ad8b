"""`python -m pipeline.server`: the server as a process of its own."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import click

from pipeline.errors import CaptionmillError


@click.command(context_settings={"show_default": True})
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data/workspaces/server"),
    help="Folder for files, batches and the bill.",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="0 picks a free one.")
@click.option("--captioner", type=click.Choice(["local", "echo"]), default="local")
@click.option(
    "--faults",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file: what goes wrong on purpose.",
)
@click.option("--api-key-env", help="Environment variable with the only key that is let in.")
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0)
@click.option("--run-seconds", type=click.FloatRange(min=0), default=0.0, help="Time of a batch.")
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="URL=DIR",
    help="Images at this address are the files of this folder; there is no network.",
)
@click.option("--exit-with-parent", is_flag=True, help="End when standard input ends.")
@click.option("--ready-fd", type=int, help="File descriptor for the ready line, not stdout.")
def server_command(
    *,
    state: Path,
    port: int,
    captioner: str,
    faults: Path | None,
    api_key_env: str | None,
    speed: float,
    run_seconds: float,
    sites: tuple[str, ...],
    exit_with_parent: bool,
    ready_fd: int | None,
) -> None:
    """Run the OpenAI-compatible loopback server on 127.0.0.1 until it is ended.

    Prints one line of JSON with its base_url: give it to captionmill as --base-url (or to any
    OpenAI client as OPENAI_BASE_URL), with any key. --faults rehearses a bad night.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        from pipeline.server.app import LoopbackServer, serve
        from pipeline.server.faults import FaultPlan
        from pipeline.server.settings import BatchDurations

        server = LoopbackServer(
            state,
            port=port,
            captioner=captioner,
            api_key=os.environ.get(api_key_env) if api_key_env else None,
            faults=FaultPlan.read(faults) if faults else None,
            durations=BatchDurations(run=run_seconds),
            speed=speed,
            sites={url: Path(folder) for url, _, folder in (s.rpartition("=") for s in sites)},
        )
        ready = os.fdopen(ready_fd, "w") if ready_fd is not None else None
        serve(server, ready=ready, exit_with_parent=exit_with_parent)
    except CaptionmillError as error:
        click.echo(f"captionmill serve: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    server_command()
