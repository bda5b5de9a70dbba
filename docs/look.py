#!/usr/bin/env python3
"""Opens every page of the built site in headless Chromium, at several widths of the window.

    docs/look.py [SITE]        by default target/site

Fails where a page is wider than its window, where a picture does not load, and where a page has no
heading. Needs Chromium on the PATH; says so and ends well where there is none.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WIDTHS = [390, 700, 1100, 1320, 1400, 1600]
SITE = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "target/site")

# Each page in a frame as wide as the window would be.
LOOK = """<!doctype html><pre id="seen"></pre><script>
(async () => {
  const wrong = [];
  let seen = 0;
  for (const page of PAGES) for (const width of WIDTHS) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width: ${width}px; height: 900px`;
    frame.src = page;
    await new Promise((loaded) => { frame.onload = loaded; document.body.append(frame); });
    const there = frame.contentDocument;
    const wide = there.documentElement.scrollWidth;
    if (wide > width) wrong.push(`${page}: ${wide} px wide in a window of ${width}`);
    for (const image of there.images)
      if (image.loading !== "lazy" && !image.naturalWidth) wrong.push(`${page}: no ${image.src}`);
    if (!there.querySelector("h1, h2")) wrong.push(`${page}: no heading`);
    frame.remove();
    seen += 1;
  }
  document.getElementById("seen").textContent = JSON.stringify({ seen, wrong });
})();
</script>"""


def main():
    names = ["chromium", "chromium-browser", "google-chrome"]
    browser = next(filter(None, map(shutil.which, names)), None)
    if browser is None:
        print("SKIPPED: no chromium on the PATH: the site was not looked at")
        return
    # Pages that lead to another, or wait for a word, have nothing to look at; rustdoc has its own.
    pages = [page.relative_to(SITE) for page in SITE.rglob("*.html")]
    pages = sorted(str(page) for page in pages if page.parts[0] not in {"_static", "rust"})
    others = ("index.html", "search.html", "docs/api/")
    pages = [page for page in pages if not page.startswith(others)]
    text = LOOK.replace("PAGES", json.dumps(pages), 1).replace("WIDTHS", json.dumps(WIDTHS), 1)
    harness = SITE / "_static/look.html"
    harness.write_text(f'<base href="{SITE.resolve().as_uri()}/">{text}')
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        options += ["--allow-file-access-from-files", "--disable-web-security", "--dump-dom"]
        options += [f"--user-data-dir={profile}", "--virtual-time-budget=600000"]
        options += ["--window-size=1700,1000", harness.resolve().as_uri()]
        done = subprocess.run([browser, *options], capture_output=True, text=True, timeout=540)
    harness.unlink()
    found = re.search(r'<pre id="seen">(\{.*\})</pre>', done.stdout)
    if not found:
        sys.exit(f"the browser did not look at the site:\n{done.stderr}")
    told = json.loads(html.unescape(found[1]))
    if told["seen"] != len(pages) * len(WIDTHS):
        sys.exit(f"{told['seen']} of {len(pages)} pages at {len(WIDTHS)} widths were looked at")
    if told["wrong"]:
        sys.exit("\n".join(told["wrong"]))
    print(f"{len(pages)} pages at {len(WIDTHS)} widths: nothing too wide, nothing missing")


main()
