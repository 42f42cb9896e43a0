"""Write tests/long_tests.txt: the test functions that `make test` leaves to `make test-full`.

    python -m pytest -m "not slow" -n 2 --dist worksteal --junitxml build/tests.xml
    python scripts/long_tests.py build/tests.xml

Listed are the functions whose cases took longest together, as few as bring the rest to `--seconds` of one core's work.
"""

from __future__ import annotations

import argparse
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "tests" / "long_tests.txt"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measured", type=Path, help="what pytest --junitxml wrote")
    parser.add_argument("--seconds", type=float, default=120.0)
    options = parser.parse_args()
    took_s: Counter[str] = Counter()
    for case in ElementTree.parse(options.measured).iter("testcase"):
        took_s[node(case.attrib["classname"], case.attrib["name"])] += float(case.attrib["time"])
    left_s, listed = sum(took_s.values()), []
    for name, seconds in took_s.most_common():
        if left_s <= options.seconds:
            break
        left_s -= seconds
        listed.append(name)
    LISTED.write_text("\n".join(sorted(listed)) + "\n", encoding="utf-8")
    whole_s = sum(took_s.values())
    print(f"{len(listed)} of {len(took_s)} functions listed; the others took {left_s:.0f} s of {whole_s:.0f} s")


def node(classname: str, name: str) -> str:
    """How pytest names a test function, from a file's dotted path, perhaps with a class, and the name of a case."""
    parts = classname.split(".")
    file = next(k for k in range(len(parts), 0, -1) if (ROOT / Path(*parts[:k])).with_suffix(".py").is_file())
    path = Path(*parts[:file]).with_suffix(".py").as_posix()
    return "::".join([path, *parts[file:], name.partition("[")[0]])


if __name__ == "__main__":
    main()
