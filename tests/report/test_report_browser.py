"""The page in a real browser: two widths, two themes, no error, no overflow, nothing asked of the network."""

import json
import re
import shutil
import subprocess
from html import unescape

import pytest

from unseen.report import html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
    "--allow-file-access-from-files", "--virtual-time-budget=4000",
)  # fmt: skip
# The report stands in a frame of the wanted width (a window can't be as narrow as a phone), looked at from outside.
HARNESS = """<!doctype html><meta charset="utf-8"><body>
<iframe id="f" style="width:%(width)dpx;height:900px;border:0"></iframe>
<pre id="result"></pre><script>
const frame = document.getElementById("f"), problems = [];
frame.onload = () => {
  const w = frame.contentWindow, d = w.document, root = d.documentElement;
  const style = (q, p) => w.getComputedStyle(d.querySelector(q))[p];
  const clipped = [...d.querySelectorAll("svg text")].filter(t => {
    const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect();
    return a.width && (a.left < b.left - 3 || a.right > b.right + 3);
  }).map(t => t.textContent);
  const th = d.querySelector("#all-numbers th:nth-child(4) button");
  th.click();
  const column = [...d.querySelectorAll("#all-numbers tbody tr")].map(r => Number(r.cells[3].dataset.v));
  const before = root.dataset.theme;
  d.getElementById("theme").click();
  document.getElementById("result").textContent = JSON.stringify({
    overflow: root.scrollWidth - root.clientWidth, clipped, column, before, after: root.dataset.theme,
    paper: style("body", "backgroundColor"), ink: style("body", "color"),
    loaded: w.performance.getEntriesByType("resource").map(e => e.name),
    alerts: w.alerted || 0, scripts: d.scripts.length, pictures: d.querySelectorAll("figure svg").length,
    button: d.getElementById("theme").getBoundingClientRect().right <= root.clientWidth,
  });
};
frame.src = "report.html?theme=%(theme)s";
</script>"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def looked_at(document, tmp_path_factory):
    """Opens the report at a width and in a theme, and returns what was measured and what the browser complained of."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "report.html").write_text(html.render(document), encoding="utf-8")

    def look(width, theme):
        harness = folder / f"{width}-{theme}.html"
        harness.write_text(HARNESS % {"width": width, "theme": theme}, encoding="utf-8")
        done = subprocess.run(
            [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000",
             "--enable-logging=stderr", "--dump-dom", harness.as_uri()],
            capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.S)
        assert found, done.stderr[-2000:]
        assert found[1], done.stderr[-2000:]
        return json.loads(unescape(found[1])), [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    return look


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_in_a_browser(looked_at, width, theme):
    seen, console = looked_at(width, theme)
    assert console == []
    assert seen["overflow"] <= 0
    assert seen["clipped"] == []
    assert seen["loaded"] == []
    assert seen["scripts"] == 1
    assert seen["pictures"] > 15
    assert seen["button"]
    numbers = [v for v in seen["column"] if v is not None]
    assert numbers == sorted(numbers)
    assert seen["before"] == theme
    assert seen["after"] == {"light": "dark", "dark": "light"}[theme]


def test_text_stands_out_from_the_paper_in_both_themes(looked_at):
    for theme in ("light", "dark"):
        seen, _ = looked_at(390, theme)

        def luminance(colour):
            parts = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
            linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
            return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

        light, dark = sorted((luminance(seen["paper"]), luminance(seen["ink"])), reverse=True)
        # WCAG 2.2, 1.4.6: 7 to 1.
        assert (light + 0.05) / (dark + 0.05) > 7
