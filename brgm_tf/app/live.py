"""The panel that follows a run: pictures, the curve of the loss, the step and the time left.

It is one piece of HTML with its pictures inside, so a run leaves no files behind.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
from collections.abc import Sequence

import numpy as np
from PIL import Image

from brgm_tf.app.canvas import CANVAS
from brgm_tf.app.jobs import Update
from brgm_tf.io import images
from brgm_tf.reporting.pixels import drawable

_WIDTH, _HEIGHT = 480.0, 96.0  # of the curve
_QUALITY = 90
_PERCENT = re.compile(r" *(\d+)% of ")  # progress of a download


def panel(update: Update) -> str:
    """Returns the HTML of an update."""
    figures = "".join(
        _figure(title, image)
        for title, image in (("Measurement", update.measurement), ("Restoration", update.image))
        if image is not None
    )
    parts = [f'<p class="status" role="status">{html.escape(status_of(update))}</p>']
    fetched = _PERCENT.match(update.note)
    if fetched and not update.step:
        parts.append(_bar("Download in percent", int(fetched[1]), 100))
    elif update.num_steps:
        parts.append(_bar("Steps", update.step, update.num_steps))
    parts.append(f'<div class="pictures">{figures}</div>' if figures else "")
    if len(update.losses) > 1:
        parts.append(curve(update.losses))
    return f'<div class="live">{"".join(parts)}</div>'


def status_of(update: Update) -> str:
    """Returns the line of text of an update.

    Example:
        >>> status_of(Update(step=40, num_steps=200, seconds_left=75.0))
        'Step 40 of 200, 1:15 left'
        >>> status_of(Update(note="compiling", num_steps=200))
        'Compiling ...'
    """
    if not update.step:
        note = update.note or "starting"
        if _PERCENT.match(note):
            note = f"fetching {note.strip()}"
        return note[:1].upper() + note[1:] + " ..."
    parts = [f"Step {update.step} of {update.num_steps}"]
    if update.seconds_left is not None and update.step < update.num_steps:
        seconds = round(update.seconds_left)
        parts.append(f"{seconds // 60}:{seconds % 60:02} left")
    if update.step >= update.num_steps:
        parts.append("computing the result")
    return ", ".join([*parts, *([update.note] if update.note else [])])


def curve(losses: Sequence[float]) -> str:
    """Returns the curve of the loss as SVG, logarithmic if all values are positive.

    Args:
        losses: Loss at each update, at least two.
    """
    values = np.asarray(losses, float)
    values = np.log(values) if (values > 0).all() else values
    low, high = float(values.min()), float(values.max())
    heights = (values - low) / ((high - low) or 1.0)
    xs = np.linspace(2, _WIDTH - 2, len(values))
    ys = _HEIGHT - 3 - heights * (_HEIGHT - 6)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    last = f"{losses[-1]:.4g}"
    return (
        f'<figure class="curve"><figcaption>Loss {last}</figcaption>'
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="Curve of the loss, now {last}"><polyline points="{points}"/></svg></figure>'
    )


def data_url(levels: np.ndarray) -> str:
    """Returns uint8 [h, w, 1 or 3] as the address of a picture inside the page."""
    file = io.BytesIO()
    picture = Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels)
    # JPEG is small for a large picture; its blocks would show in a small one.
    if max(picture.size) > CANVAS:
        picture.save(file, "JPEG", quality=_QUALITY)
        kind = "jpeg"
    else:
        picture.save(file, "PNG", compress_level=1)
        kind = "png"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _figure(title: str, image: np.ndarray) -> str:
    levels = images.to_uint8(drawable(image))
    height, width = levels.shape[:2]
    blocks = ' class="blocks"' if max(height, width) < CANVAS else ""
    return (
        f'<figure><img{blocks} src="{data_url(levels)}" alt="{title}, {width} x {height} pixels">'
        f"<figcaption>{title}</figcaption></figure>"
    )


def _bar(label: str, value: int, most: int) -> str:
    part = 100 * min(1.0, value / most)
    return (
        f'<div class="bar" role="progressbar" aria-label="{label}" aria-valuemin="0" '
        f'aria-valuemax="{most}" aria-valuenow="{value}">'
        f'<i style="width:{part:.1f}%"></i></div>'
    )


def message(text: str) -> str:
    """Returns the HTML of a message at a field; '' without a text."""
    return f'<p class="refusal" role="alert">{html.escape(text)}</p>' if text else ""


def table(rows: Sequence[tuple[str, str, str]], *, title: str) -> str:
    """Returns the HTML of a table of a name, a value and an explanation each; '' without rows."""
    if not rows:
        return ""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(value)}</td>'
        f"<td>{html.escape(text)}</td></tr>"
        for name, value, text in rows
    )
    return f'<table class="facts"><caption>{html.escape(title)}</caption>{body}</table>'


def number(value: float) -> str:
    """Returns a number with four digits; 'unknown' for NaN."""
    return f"{value:.4g}" if math.isfinite(value) else "unknown"
