"""What a relative workspace is relative to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config, load_config


def test_the_command_line_means_the_working_directory() -> None:
    assert load_config(None, {"workspace": "data/workspaces/x"}).workspace_base == Path()


@pytest.mark.parametrize("name", [None, "nightly", "bulk", "services/groq", "uses/alt-text"])
def test_shipped_configurations_leave_it_open(name: str | None) -> None:
    assert load_config(name).workspace_base is None
    assert Config().workspace_base is None


def test_a_configuration_of_ones_own_means_its_folder_unless_it_says_what_is_shipped(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('workspace = "ws"\n')
    config = load_config(str(path))
    assert config.workspace_base == tmp_path
    changed = config.model_copy(update={"images": config.images})
    assert (changed.workspace_base, config.based_at(Path()).workspace) == (tmp_path, "ws")
    path.write_text('workspace = "data/workspaces/mine-{provider}"\n')
    assert load_config(str(path)).workspace_base is None
    path.write_text("")
    assert load_config(str(path)).workspace_base is None
