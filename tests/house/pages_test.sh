#!/usr/bin/env bash
# report.html and the page of compare in a browser: no error, nothing that scrolls sideways at 390, 1280
# and 1920 pixels, values at the arrow keys, and other curves behind the switches.
# usage: tests/house/pages_test.sh BIN_FOLDER
set -euo pipefail
bin=$(cd "${1:?usage: tests/house/pages_test.sh BIN_FOLDER}" && pwd)
cartpole=$(cd "$(dirname "$0")/../.." && pwd)/configs/reference/cartpole.yaml
browser=$(command -v chromium || command -v google-chrome) || { echo "no Chromium here"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

for gamma in 0.99 0.9; do
  "$bin/train" "$cartpole" --quiet --out "gamma-$gamma" --set algorithm.gamma=$gamma \
    --set algorithm.total_updates=40 --set evaluation.every=10 --set evaluation.episodes=4
done
"$bin/compare" gamma-* -o comparison.html >/dev/null
cp gamma-0.99/report.html report.html

# A page within a frame of each width tells in its title what it looks like.
cat >look.js <<'SCRIPT'
<script>
const seen = [];
function look(width, page) {
  const {document} = page, {body} = document;
  const chart = [...document.querySelectorAll("svg[tabindex]")].find((svg) => svg.checkVisibility());
  chart.dispatchEvent(new KeyboardEvent("keydown", {key: "End"}));
  const tip = document.getElementById("tip");
  const told = /steps, update 40/.test(tip.textContent) && !tip.hidden;
  chart.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape"}));
  const shown = () => [...document.querySelectorAll(".panel svg")].filter((svg) => svg.checkVisibility());
  const before = shown();
  document.getElementById("by-seconds").click();
  document.getElementById("log-y").click();
  const after = shown();
  const switched = after.length === before.length && !after.some((svg) => before.includes(svg));
  const fits = document.documentElement.scrollWidth <= width;
  seen.push(`${width}:${told && tip.hidden && switched && fits ? "good" : [told, tip.hidden, switched, fits]}`);
}
addEventListener("load", () => {
  for (const frame of document.querySelectorAll("iframe")) look(frame.width, frame.contentWindow);
  document.title = "SEEN " + seen.join(" ");
});
</script>
SCRIPT
status=0
for page in report comparison; do
  { for width in 390 1280 1920; do echo "<iframe src=$page.html width=$width height=900></iframe>"; done
    cat look.js; } >look.html
  "$browser" --headless --no-sandbox --disable-gpu --allow-file-access-from-files --enable-logging=stderr \
    --window-size=1920,900 --virtual-time-budget=5000 --dump-dom "file://$work/look.html" >dom 2>log
  seen=$(grep -o 'SEEN [^<]*' dom | head -n 1)
  if [ "$seen" != "SEEN 390:good 1280:good 1920:good" ] || grep CONSOLE log; then
    echo "FAILED: $page.html: ${seen:-no answer}" >&2
    status=1
  fi
done
exit $status
