"""The chart: processor time a message as a ratio to raw-uring, a group of bars for each cell."""

from html import escape

WIDTH, LEFT, RIGHT, BAR, GAP = 900, 190, 70, 12, 3
RATIO_MAX = 3.0
COLOURS = {"weir": "#1b6ca8", "raw": "#8c8c8c", "technique": "#b5b5b5", "peer": "#d9a441"}


def x_of(ratio):
    return LEFT + (WIDTH - LEFT - RIGHT) * min(ratio, RATIO_MAX) / RATIO_MAX


def bar(y, name, group, ratio, cpu_us):
    label = f"{ratio:.2f} ({cpu_us:.2f} us)" + (" >" if ratio > RATIO_MAX else "")
    width = x_of(ratio) - LEFT
    inside = ratio > 0.8 * RATIO_MAX
    text_x, anchor, fill = ((LEFT + width - 4, "end", "#fff") if inside
                            else (LEFT + width + 4, "start", "#333"))
    return [f'<text x="{LEFT - 6}" y="{y + BAR - 2}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" '
            f'fill="{COLOURS[group]}"/>',
            f'<text x="{text_x:.1f}" y="{y + BAR - 2}" text-anchor="{anchor}" fill="{fill}">'
            f'{label}</text>']


def grid(height):
    lines = []
    for tenths in range(0, int(RATIO_MAX * 10) + 1, 5):
        x = x_of(tenths / 10)
        colour, dash = ("#c0392b", "") if tenths == 10 else ("#ddd", ' stroke-dasharray="2 3"')
        lines.append(f'<line x1="{x:.1f}" y1="44" x2="{x:.1f}" y2="{height}" stroke="{colour}"'
                     f'{dash}/>')
        lines.append(f'<text x="{x:.1f}" y="40" text-anchor="middle">{tenths / 10:.1f}</text>')
    return lines


def svg(results, groups, caption):
    """The text of the SVG file."""
    y, body = 52, []
    for cell in results:
        bars = [(name, s) for name, s in cell["summary"].items()
                if cell["kind"] == "throughput" and s["of_raw_uring"] is not None]
        if not bars:
            continue
        body.append(f'<text x="8" y="{y + 10}" font-weight="bold">{escape(cell["about"])}</text>')
        y += 18
        for name, s in bars:
            body += bar(y, name, groups[name], s["of_raw_uring"], s["cpu_us"])
            y += BAR + GAP
        y += 10
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" '
            f'viewBox="0 0 {WIDTH} {y + 10}" font-family="sans-serif" font-size="11">',
            f'<rect width="{WIDTH}" height="{y + 10}" fill="#fff"/>',
            '<text x="8" y="16" font-size="14" font-weight="bold">Processor time of the server, '
            'as a ratio to raw-uring (less is better)</text>',
            f'<text x="8" y="30" fill="#666">{escape(caption)}</text>']
    return "\n".join(head + grid(y) + body + ["</svg>", ""])
