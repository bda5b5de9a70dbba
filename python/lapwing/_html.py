"""Results in notebooks: the key numbers above the picture."""

from __future__ import annotations

import base64
import html
from typing import Any

from lapwing import _lapwing


def shown(
    title: str, facts: list[tuple[str, Any]], png: bytes, more: dict[str, Any] | None = None
) -> str:
    """HTML with a title, a row of facts (those that are ``None`` are left out), a picture, and more
    facts that unfold."""
    known = "".join(
        '<span style="display:inline-block;margin:0 1.6em .3em 0"><span '
        f'style="opacity:.65">{_text(name)}</span> '
        f"<b>{_text(value)}</b></span>"
        for name, value in facts
        if value is not None
    )
    picture = base64.b64encode(png).decode("ascii")
    folded = ""
    if more:
        rows = "".join(
            f"<tr><td>{_text(name)}</td><td>{_text(value)}</td></tr>"
            for name, value in more.items()
        )
        folded = f"<details><summary>all of them</summary><table>{rows}</table></details>"
    return (
        '<div class="lapwing"><div '
        f'style="font-weight:600;margin-bottom:.3em">{_text(title)}</div><div>{known}</div>'
        f'<img alt="{_text(title)}" style="max-width:100%" '
        f'src="data:image/png;base64,{picture}">{folded}</div>'
    )


_BAR = (
    '<div class="lapwing" style="max-width:46em"><div '
    'style="display:flex;justify-content:space-between;gap:1.5em">'
    '<span style="font-weight:600">{title}</span><span style="opacity:.75">{facts}</span></div>'
    '<div role="progressbar" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{percent}" '
    'style="height:.55em;margin:.35em 0;border-radius:.3em;background:rgba(128,128,128,.28)">'
    "<div "
    'style="height:100%;width:{percent}%;border-radius:.3em;background:#2b7bba"></div></div>'
    "{curve}</div>"
)


def progress_bar(title: str, share: float, facts: list[str], losses: list[float]) -> str:
    """A bar of which ``share`` is done, what is known beside it, and the curve of the losses on a
    logarithmic axis."""
    told = " · ".join(_text(fact) for fact in facts if fact)
    return _BAR.format(
        title=_text(title), facts=told, percent=round(100 * share, 1), curve=_curve(losses)
    )


def _curve(losses: list[float]) -> str:
    """The losses as a line; nothing of fewer than two."""
    import math

    positive = [math.log10(loss) for loss in losses if loss > 0 and math.isfinite(loss)]
    if len(positive) < 2:
        return ""
    wide, high = 300, 60
    # As many points as can be seen.
    step = max(1, len(positive) // wide)
    shown = positive[::step]
    low, top = min(shown), max(shown)
    scale = (high - 4) / (top - low) if top > low else 0.0
    points = " ".join(
        f"{index * wide / (len(shown) - 1):.1f},{2 + (top - value) * scale:.1f}"
        for index, value in enumerate(shown)
    )
    ends = f"loss {10 ** positive[0]:.3g} to {10 ** positive[-1]:.3g}"
    return (
        f'<svg role="img" aria-label="{ends}" viewBox="0 0 {wide} {high}" '
        'preserveAspectRatio="none" '
        'style="width:100%;height:60px">'
        f'<polyline points="{points}" fill="none" stroke="#2b7bba" stroke-width="1.5" '
        'vector-effect="non-scaling-stroke"/></svg>'
    )


_STATES = {
    "done": "#2b7bba",
    "running": "#c77700",
    "failed": "#c62828",
    "skipped": "#888888",
    "pending": "rgba(128,128,128,.28)",
}


def study_table(status: dict[str, Any]) -> str:
    """A study's status: a bar of its states, who is at work, and what is running or failed."""
    total = max(int(status.get("total", 0)), 1)
    parts = "".join(
        "<div "
        f'style="width:{100 * int(status.get(name, 0)) / total:.2f}%;background:{colour}"></div>'
        for name, colour in _STATES.items()
    )
    numbers = " · ".join(f"{status.get(name, 0)} {name}" for name in _STATES)
    rows = "".join(
        "<tr><td "
        f'style="color:{_STATES[job["status"]]}">{_text(job["status"])}</td>'
        f"<td>{_text(condition(job))}</td>"
        f"<td>{_text(job.get('reason', ''))}</td></tr>"
        for job in status.get("jobs", [])
        if job.get("status") in ("running", "failed")
    )
    cluster = status.get("cluster") or {}
    states = "; ".join(
        f"{job.get('step')} {job.get('id')}: {(job.get('state') or {}).get('words', '')}"
        for job in cluster.get("jobs", [])
    )
    notes = [
        note for note in (status.get("held_by") and f"at work: {status['held_by']}", states) if note
    ]
    return (
        '<div class="lapwing" style="max-width:60em"><div '
        'style="display:flex;justify-content:space-between;gap:1.5em">'
        f'<span style="font-weight:600">{_text(status.get("name", "study"))}</span>'
        f'<span style="opacity:.75">{_text(numbers)}</span></div>'
        '<div style="display:flex;height:.55em;margin:.35em '
        f'0;border-radius:.3em;overflow:hidden">{parts}</div>'
        + "".join(f'<div style="opacity:.75">{_text(note)}</div>' for note in notes)
        + (f"<table>{rows}</table>" if rows else "")
        + "</div>"
    )


def condition(job: dict[str, Any]) -> str:
    """A job in words: dose, view and split, solver and repeat."""
    words = [f"dose {job['dose']:g}" if isinstance(job.get("dose"), (int, float)) else ""]
    words += [str(job[name]) for name in ("view", "split", "solver") if job.get(name)]
    words += [f"repeat {job['repeat']}"] if job.get("repeat", 1) not in (None, 1) else []
    return " ".join(word for word in words if word)


def _text(value: Any) -> str:
    """A value as text that no browser takes for markup."""
    return html.escape(f"{value:.4g}" if isinstance(value, float) else str(value), quote=True)


_COLUMNS = ["complex_correlation", "phase_ssim", "amplitude_ssim"]


def label(name: str) -> str:
    """Title and unit of a metric, as the table of all says: ``phase MAE, rad``."""
    facts = _lapwing.metric_catalogue()[name]
    return f"{facts['title']}, {facts['unit']}" if facts["unit"] else str(facts["title"])


def report_table(conditions: list[dict[str, Any]], title: str, page: str) -> str:
    """The conditions of a study, one row each, and where its report is."""
    metrics = [(of, of.get("metrics") or {}) for of in conditions]
    known = [name for name in _COLUMNS if any(found.get(name) is not None for _, found in metrics)]
    head = "".join(f"<th>{_text(label(name))}</th>" for name in known)

    def cell(value: Any) -> str:
        return f"<td>{'' if value is None else _text(value)}</td>"

    rows = "".join(
        f'<tr><td style="text-align:left">{_text(condition(of))}</td>'
        + cell(of.get("reason") or of.get("status"))
        + "".join(cell(found.get(name)) for name in known)
        + "</tr>"
        for of, found in metrics
    )
    table = f"<table><tr><th>condition</th><th>state</th>{head}</tr>{rows}</table>" if rows else ""
    return (
        f'<div class="lapwing"><div>{_text(title)}</div>{table}'
        f'<div style="opacity:.75">report: <code>{_text(page)}</code></div></div>'
    )
