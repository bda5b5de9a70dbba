"""Results in notebooks: the key numbers above the picture."""

from __future__ import annotations

import base64
import html
from typing import Any


def shown(title: str, facts: list[tuple[str, Any]], png: bytes, more: dict[str, Any] | None = None) -> str:
    """HTML with a title, a row of facts (those that are ``None`` are left out), a picture, and more facts that unfold."""
    known = "".join(
        f'<span style="display:inline-block;margin:0 1.6em .3em 0"><span style="opacity:.65">{_text(name)}</span> '
        f"<b>{_text(value)}</b></span>"
        for name, value in facts
        if value is not None
    )
    picture = base64.b64encode(png).decode("ascii")
    folded = ""
    if more:
        rows = "".join(f"<tr><td>{_text(name)}</td><td>{_text(value)}</td></tr>" for name, value in more.items())
        folded = f"<details><summary>all of them</summary><table>{rows}</table></details>"
    return (
        f'<div class="lapwing"><div style="font-weight:600;margin-bottom:.3em">{_text(title)}</div><div>{known}</div>'
        f'<img alt="{_text(title)}" style="max-width:100%" src="data:image/png;base64,{picture}">{folded}</div>'
    )


def _text(value: Any) -> str:
    """A value as text that no browser takes for markup."""
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value), quote=True)
