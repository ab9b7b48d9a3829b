"""Trains for some minutes and tells whether the resident memory grows: its slope, by least squares over
the least of each minute, with a 95 % interval. The first quarter is warming up and left out.

usage: soak.py MINUTES RSS_CSV CONFIG [OPTION...]   trains by bin/train CONFIG OPTION...
       soak.py RSS_CSV                              the slope of a table that is there
Exits with 1 where the whole interval lies above 1 MiB/h. FROST_TRAIN names another program than bin/train.
"""

import csv
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

LIMIT = 1.0  # MiB/h
WARM_UP = 0.25


def status_of(pid):
    """Resident MiB, threads and open descriptors of a process."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    descriptors = len(os.listdir(f"/proc/{pid}/fd"))
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), descriptors


def updates_of(table):
    try:
        return max(0, table.read_bytes().count(b"\n") - 1)
    except FileNotFoundError:
        return 0


def record(minutes, path, options):
    """Runs the training and writes a row for every second in which updates ended."""
    program = os.environ.get("FROST_TRAIN", "bin/train")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the training ends too
    with tempfile.TemporaryDirectory() as folder, open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seconds", "updates", "rss_mib", "threads", "descriptors"])
        run = pathlib.Path(folder) / "run"
        command = [program, *options, "--out", run, "--quiet"]
        start, before = time.monotonic(), 0
        process = subprocess.Popen(command)
        try:
            while process.poll() is None and time.monotonic() - start < 60 * minutes:
                time.sleep(1)
                updates = updates_of(run / "metrics.csv")
                if updates > before and process.poll() is None:
                    before = updates
                    resident, threads, descriptors = status_of(process.pid)
                    table.writerow([f"{time.monotonic() - start:.1f}", updates, f"{resident:.3f}", threads,
                                    descriptors])
                    file.flush()
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait()
        if status != 128 + signal.SIGTERM:
            sys.exit(f"error: {program} ended with {status} before its time: give it more updates")


def slope(points):
    """Of a straight line by least squares, with half of its 95 % interval."""
    n = len(points)
    x_mean, y_mean = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    b = sum((x - x_mean) * (y - y_mean) for x, y in points) / spread
    rest = sum((y - y_mean - b * (x - x_mean)) ** 2 for x, y in points)
    freedom = n - 2
    # Student's t at 0.975, by the expansion of Cornish and Fisher: within 0.5 % from 5 degrees on.
    z = 1.959964
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return b, t * (rest / freedom / spread) ** 0.5


def report(path):
    with open(path, newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    end = rows[-1]["seconds"] if rows else 0
    steady = [row for row in rows if row["seconds"] >= WARM_UP * end]
    # What an update or an evaluation holds for a moment is no growth, and what is resident in one second is
    # much like in the next: so the least of a minute is one observation.
    minutes = {}
    for row in steady:
        minutes.setdefault(row["seconds"] // 60, []).append(row["rss_mib"])
    points = [(minute / 60, min(resident)) for minute, resident in minutes.items()]
    if len(points) < 7:
        sys.exit(f"error: {path}: {len(points)} minutes after warming up, 7 are needed for a slope")
    b, half = slope(points)
    least, most = {}, {}
    for key in rows[0]:
        least[key], most[key] = min(row[key] for row in steady), max(row[key] for row in steady)
    print(f"{most['updates']:.0f} updates in {end / 60:.1f} minutes; after {WARM_UP * end / 60:.1f} minutes "
          f"resident {least['rss_mib']:.1f} to {most['rss_mib']:.1f} MiB, slope {b:+.2f} MiB/h "
          f"({b - half:+.2f} to {b + half:+.2f}), at most {most['threads']:.0f} threads, "
          f"{most['descriptors']:.0f} descriptors")
    return 1 if b - half > LIMIT else 0


def main(words):
    if len(words) in (0, 2) or words[0].startswith("-"):
        print(__doc__.strip(), file=sys.stdout if words[:1] in (["-h"], ["--help"]) else sys.stderr)
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    if len(words) > 1:
        record(float(words[0]), words[1], words[2:])
    return report(words[-1] if len(words) == 1 else words[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
