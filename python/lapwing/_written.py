"""Files that are written."""

from __future__ import annotations

import os
import warnings


def warn_of_replaced(path: str | os.PathLike[str]) -> None:
    """Warn of a file that is about to be replaced."""
    if os.path.isfile(path):
        warnings.warn(f"replaced {os.fspath(path)}, which was there already", stacklevel=3)
