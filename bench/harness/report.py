"""Medians, ratios, and the table."""

from statistics import median


UNITS = ("ns", "us", "ms", "bytes", "percent")
MEDIANS = ("per_second", "cpu_us", "p50_ns", "p99_ns", "p999_ns", "foreign", "stolen")


def middle(values):
    values = [value for value in values if value is not None]
    return median(values) if values else None


def paired_ratio(runs, others):
    """Median of the ratios of processor time in the same round, so that drift cancels out."""
    by_round = {run["round"]: run["cpu_us"] for run in others}
    return middle([run["cpu_us"] / by_round[run["round"]] for run in runs
                   if run["round"] in by_round])


def best_of(runs_by_server, names):
    """The name with the smallest median of processor time."""
    known = [name for name in names if runs_by_server.get(name)]
    return min(known, key=lambda name: middle([r["cpu_us"] for r in runs_by_server[name]]),
               default=None)


def summarise(cell, runs_by_server, groups, syscalls):
    """server -> figures of a throughput cell; a ratio without a divisor is None."""
    raw = best_of(runs_by_server, [n for n in runs_by_server if groups[n] == "raw"])
    peer = best_of(runs_by_server, [n for n in runs_by_server if groups[n] == "peer"])
    summary = {}
    for name, runs in runs_by_server.items():
        if not runs:
            continue
        s = {key: middle([run.get(key) for run in runs]) for key in MEDIANS}
        s["of_raw_uring"] = paired_ratio(runs, runs_by_server.get("raw-uring", []))
        s["of_best_raw"] = paired_ratio(runs, runs_by_server[raw]) if raw else None
        s["of_best_peer"] = paired_ratio(runs, runs_by_server[peer]) if peer else None
        s["best_raw"], s["best_peer"] = raw, peer
        s["syscalls"] = syscalls.get(name)
        s["rounds"] = len(runs)
        s["lost"] = sum(run["lost"] for run in runs)
        summary[name] = s
    return summary


def micro_summary(runs):
    """name -> figures of a micro cell from name -> its runs; medians over the rounds."""
    return {name: {key: middle([run.get(key) for run in own]) for run in own for key in run}
            for name, own in runs.items() if own}


def micro_ratio(cell, peer, key):
    """Of weir's figure to a peer's: the median of the ratios within a round."""
    pairs = zip(cell["runs"].get("weir", []), cell["runs"].get(peer, []))
    return middle([ours[key] / theirs[key] for ours, theirs in pairs
                   if ours.get(key) and theirs.get(key)])


def micro_rows(cell):
    """A line a figure: each program's, and how weir's compares with each peer's."""
    names = list(cell["summary"])
    peers = [name for name in names if name != "weir"]
    keys = list(dict.fromkeys(key for s in cell["summary"].values() for key in s))
    rows = [["", *names, *(f"/{name}" for name in peers)]]
    for key in keys:
        words, _, unit = key.replace("_", " ").rpartition(" ")
        row = [f"{words}, {unit}" if unit in UNITS else key.replace("_", " ")]
        row += [text_of(cell["summary"][name].get(key), "{:,.5g}") for name in names]
        row += [text_of(micro_ratio(cell, name, key), "{:.2f}") for name in peers]
        rows.append(row)
    return rows


def text_of(value, form):
    return "-" if value is None else form.format(value)


COLUMNS = [
    ("", lambda n, s: n),
    ("per second", lambda n, s: text_of(s["per_second"], "{:,.0f}")),
    ("cpu us", lambda n, s: text_of(s["cpu_us"], "{:.2f}")),
    ("/raw-uring", lambda n, s: text_of(s["of_raw_uring"], "{:.2f}")),
    ("/best raw", lambda n, s: text_of(s["of_best_raw"], "{:.2f}")),
    ("/best peer", lambda n, s: text_of(s["of_best_peer"], "{:.2f}")),
    ("calls", lambda n, s: text_of(s["syscalls"], "{:.3f}")),
    ("p50 us", lambda n, s: text_of(s["p50_ns"] and s["p50_ns"] / 1e3, "{:,.0f}")),
    ("p99 us", lambda n, s: text_of(s["p99_ns"] and s["p99_ns"] / 1e3, "{:,.0f}")),
    ("p99.9 us", lambda n, s: text_of(s["p999_ns"] and s["p999_ns"] / 1e3, "{:,.0f}")),
    ("rounds", lambda n, s: f"{s['rounds']}" + ("" if s["foreign"] is None or s["foreign"] <= 10
                                               else " (disturbed)")),
]


def aligned(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(word.ljust(w) if i == 0 else word.rjust(w)
                      for i, (word, w) in enumerate(zip(row, widths))).rstrip() for row in rows]


def throughput_rows(summary):
    return [[form(name, s) for _, form in COLUMNS] for name, s in summary.items()]


def table(results):
    """The lines of one table over all cells, each cell under its own heading."""
    rows, headings, lines = [[title for title, _ in COLUMNS]], {}, []
    for cell in results:
        if cell["kind"] == "throughput" and cell["summary"]:
            headings[len(rows)] = f"{cell['name']}: {cell['about']} (per {cell['unit']})"
            rows += throughput_rows(cell["summary"])
    if len(rows) > 1:
        for i, line in enumerate(aligned(rows)):
            lines += ["", headings[i]] if i in headings else []
            lines.append(line)
    for cell in results:
        if cell["kind"] == "memory" and cell["summary"]:
            lines += ["", f"{cell['name']}: {cell['about']}"]
            lines += aligned([["", "bytes each"]] + [[name, f"{s['bytes']:,.0f}"]
                                                     for name, s in cell["summary"].items()])
        if cell["kind"] == "micro" and cell["summary"]:
            lines += ["", f"{cell['name']}: {cell['about']}"]
            lines += aligned(micro_rows(cell))
    return lines
