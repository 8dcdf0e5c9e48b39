"""Bar charts in SVG, by hand: one per figure that a peer has too. They follow the reader's light or dark scheme."""

import pathlib
from xml.sax.saxutils import escape

WIDTH, LABEL, VALUE, BAR, GAP, TOP = 640, 110, 110, 24, 10, 52
STYLE = """
  text { font: 14px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .note { font-size: 12px; fill: #57606a; }
  .nano { fill: #0969da; }
  .peer { fill: #afb8c1; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .note { fill: #8d96a0; } .nano { fill: #4493f8; } .peer { fill: #6e7681; }
  }
"""


def chart(row: dict) -> str:
    """Horizontal bars from zero, NANO's first."""
    bars = [("NANO", row["value"]), *sorted(row["peers"].items(), key=lambda peer: peer[1])]
    most = max(value for _, value in bars)
    better = "more" if row["unit"].endswith("/s") else "less"
    height = TOP + len(bars) * (BAR + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(row['name'])}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="12" y="22">{escape(row["name"])}</text>',
        f'<text class="note" x="12" y="40">{escape(row["unit"])}, {better} is better; median of {row["runs"]} runs</text>',
    ]
    for n, (who, value) in enumerate(bars):
        y = TOP + n * (BAR + GAP)
        width = max(1.0, (WIDTH - LABEL - VALUE) * value / most)
        middle = y + BAR / 2 + 5
        parts += [
            f'<text x="{LABEL - 8}" y="{middle}" text-anchor="end">{escape(who)}</text>',
            f'<rect class="{"nano" if who == "NANO" else "peer"}" x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>',
            f'<text x="{LABEL + width + 8:.1f}" y="{middle}">{value:,.2f}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def write(rows: list[dict], folder: pathlib.Path) -> None:
    """Replaces the charts in the folder."""
    for old in folder.glob("*.svg"):
        old.unlink()
    for row in rows:
        if row["peers"]:
            (folder / f"{row['name']}.svg").write_text(chart(row))
