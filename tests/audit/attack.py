"""How hard is it to break? Attacks run folders, files, command lines and arguments, and counts what survived.

    python tests/audit/attack.py [PART ...] [--share 0.1]     all parts, or some; make audit PART=files

What counts as survived: a result that is right, or one sentence (`InputError`), with the finished epochs still there.
A wrong number, a lost epoch or a traceback does not. Each part writes its line of attack.json when it ends, and the
table of them all goes into the README. `--share` scales the numbers of tries.
"""

import argparse
import datetime
import json
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "training")]

import attacks_on_files  # noqa: E402
import attacks_on_runs  # noqa: E402

PARTS = {
    "commands": ("command lines, parsed and held to their limits", attacks_on_files.commands, 2000),
    "files": ("fuzzed cards, configs, histories, npz and IDX headers", attacks_on_files.files, 10_000),
    "api": ("arguments of the API, by Hypothesis", attacks_on_files.api, 2000),
    "damage": ("damaged and swapped files of a run, resumed", attacks_on_runs.damage, 1000),
    "full": ("disks that are full at some point of a run", attacks_on_runs.full, 60),
    "replace": ("kills at each file that takes its place", attacks_on_runs.replace, 30),
    "kills": ("kills at random moments", attacks_on_runs.kills, 40),
    "owners": ("two commands started together", attacks_on_runs.owners, 20),
    "runs": ("whole command lines, trained to the end", attacks_on_runs.runs, 40),
}
RECORD, README = HERE / "attack.json", ROOT / "README.md"
BEGIN, END = "<!-- audit -->", "<!-- end of audit -->"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help="which attacks; all if none is named")
    parser.add_argument("--share", type=float, default=1.0, help="of the numbers of tries")
    arguments = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    for name in arguments.parts or PARTS:
        _, attack, tries = PARTS[name]
        tried = survived = 0
        for what, trial in attack(max(1, round(tries * arguments.share))):
            tried += 1
            try:
                more = (trial() or 1) - 1  # some try many values at once, and say how many
                tried, survived = tried + more, survived + 1 + more
            except Exception:
                print(f"{name}: {what} was not survived:\n{traceback.format_exc(limit=-4)}")
        record[name] = {"tried": tried, "survived": survived, "date": datetime.date.today().isoformat()}
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
        print(f"{name}: {survived} of {tried} survived")
    write_table(record)
    sys.exit(any(line["survived"] < line["tried"] for line in record.values()))


def write_table(record):
    rows = ["| attack | tried | survived | date |", "| --- | --- | --- | --- |"]
    for name, (title, *_) in PARTS.items():
        if line := record.get(name):
            rows.append(f"| {title} | {line['tried']:,} | {line['survived']:,} | {line['date']} |")
    table = "\n".join(rows)
    print(table)
    text = README.read_text()
    if BEGIN in text:
        before, _, rest = text.partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
