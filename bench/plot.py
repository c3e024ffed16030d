"""The plot, as SVG by hand: how much of its target each figure reaches. One bar a figure, the target is the line."""

from html import escape

WIDTH, LABEL, BAR, LINE = 1100, 500, 22, 2.0


def share(figure):
    """1 is the target exactly, more is better; `None` without a target."""
    judged = figure.value if figure.ratio is None else figure.ratio
    if figure.least:
        return judged / figure.least
    if figure.most:
        return figure.most / judged if judged else LINE
    return None


def svg(figures, title):
    shown = [(figure, share(figure)) for figure in figures]
    shown = [(figure, part) for figure, part in shown if part is not None]
    height = 70 + BAR * len(shown) + 30
    scale = (WIDTH - LABEL - 90) / LINE
    at = LABEL + scale
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"'
        ' font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<text x="16" y="24" font-size="15" font-weight="bold">Keyward: how much of each target is reached</text>',
        f'<text x="16" y="44" fill="#555">{escape(title)}</text>',
    ]
    for i, (figure, part) in enumerate(shown):
        y = 62 + BAR * i
        color = "#2a7f62" if figure.reached else "#c0504d"
        long = min(part, LINE) * scale
        value = f"{figure.value:.1f} {figure.unit}"
        if figure.ratio is not None:
            value = f"{figure.ratio:.2f} of {figure.yardstick}"
        goal = f"{figure.least:.2f}" if figure.least else f"{figure.most:g}"
        name = f"{figure.what} ({figure.store})"
        more = f"{part:.2f}" + ("" if part <= LINE else " (cut)")
        out += [
            f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{figure.row}  {escape(name)}</text>',
            f'<rect x="{LABEL}" y="{y + 3}" width="{long:.1f}" height="{BAR - 6}" fill="{color}"/>',
            f'<text x="{LABEL + 6}" y="{y + 15}" fill="white" font-size="11">{escape(value)} (target {goal})</text>',
            f'<text x="{LABEL + long + 6:.1f}" y="{y + 15}" fill="#333" font-size="11">{more}</text>',
        ]
    bottom = 62 + BAR * len(shown)
    out += [
        f'<line x1="{at:.1f}" y1="56" x2="{at:.1f}" y2="{bottom + 6}" stroke="black" stroke-dasharray="4 3"/>',
        f'<text x="{at:.1f}" y="{bottom + 20}" text-anchor="middle">the target; right of it is better</text>',
        "</svg>",
    ]
    return "\n".join(out) + "\n"
