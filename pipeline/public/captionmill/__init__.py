"""captionmill: batch image captioning through the OpenAI Batch API, with exact money.

    import captionmill

    config = captionmill.load_config("default", {"budget.lifetime": "5.00"})
    report = captionmill.run(config, "imgs", say=print)
    print(report.exit_code, report.table)

`run` captions a folder, an image or a manifest and waits; `submit` and `collect` are its two
halves for later; `estimate` prices it without sending anything; `read_captions` gives the table
as a DataFrame. Errors are `CaptionmillError`s, and none of them leaves half a file behind.

The names are those of the package `pipeline`. It is loaded from beside this file, never from
`sys.path`, where a script's own `pipeline.py` comes first.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline import *  # noqa: F403

    __version__: str

_HERE = Path(__file__).resolve()
# side by side where it is installed; inside of the package in a checkout
_INIT = next(
    init
    for init in (_HERE.parents[1] / "pipeline" / "__init__.py", _HERE.parents[2] / "__init__.py")
    if init.is_file()
)


def _load_product() -> ModuleType:
    """Load this installation's `pipeline` under that name.

    Raises:
        ImportError: another module of that name is already imported.
    """
    present = sys.modules.get("pipeline")
    if present is not None:
        if Path(getattr(present, "__file__", None) or "").resolve() == _INIT:
            return present
        raise ImportError(
            f"captionmill needs the module name 'pipeline', which {present!r} has taken: "
            "import captionmill before it, or give that module another name"
        )
    spec = importlib.util.spec_from_file_location("pipeline", _INIT)
    assert spec is not None  # of a file that is there
    assert spec.loader is not None
    product = sys.modules["pipeline"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(product)
    return product


_PRODUCT = _load_product()

if sys.platform == "win32":
    raise ImportError(importlib.import_module("pipeline.errors").NOT_ON_WINDOWS)

__all__ = list(_PRODUCT.__all__)


if not TYPE_CHECKING:  # a type checker knows the names, and none beside them

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used: `import captionmill` itself stays quick."""
        if name == "__version__":
            return importlib.import_module("pipeline.system.version").__version__
        if name not in __all__:
            raise AttributeError(f"module 'captionmill' has no attribute {name!r}")
        return getattr(_PRODUCT, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
