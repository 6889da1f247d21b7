"""`make measures SEED=n`: how exact the hours of synthetic instruments are (signals.md section 3).

Instruments are drawn from the seed, from ranges that were not used for tuning; each is calibrated from a guided
recording of its own and then scored over a day. Printed: the error of a day's run hours by family and by polling, one
JSON object a line, then whether the limits hold. Exit code 1 where they do not.
"""

import argparse
import json
import sys
from statistics import median

from tests.measures.instruments import FAMILIES
from tests.measures.scoring import LIMITS, PERFECT, ROUGH, Result, measure

POLLS_S = (1.0, 2.0, 5.0, 10.0)


def main() -> int:
    """Prints all figures; 1 where a limit does not hold at 2 s."""
    parser = argparse.ArgumentParser(prog="python -m tests.measures", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="which instruments and days")
    parser.add_argument("--each", type=int, default=4, help="instruments of each family (default 4)")
    parser.add_argument("--tuning", action="store_true", help="draw from the ranges for tuning instead")
    arguments = parser.parse_args()
    print(json.dumps({"name": "measures", "seed": arguments.seed, "each": arguments.each, "tuning": arguments.tuning}))
    hold = True
    for polling in (*(PERFECT._replace(every_s=every_s) for every_s in POLLS_S), ROUGH):
        results = list(measure(arguments.seed, each=arguments.each, polling=polling, tuning=arguments.tuning))
        for family in FAMILIES:
            print(json.dumps(_figures([each for each in results if each.instrument.family == family], family, polling)))
        total = _figures(results, "all", polling)
        print(json.dumps(total), flush=True)
        if polling.every_s == PERFECT.every_s:
            hold = hold and LIMITS.hold([each for each in results if each.score])
    print(json.dumps({"name": "limits", **LIMITS._asdict(), "hold": hold}))
    return 0 if hold else 1


def _figures(results: list[Result], family: str, polling: object) -> dict[str, object]:
    scores = [each.score for each in results if each.score]
    return {
        "name": family,
        **polling._asdict(),  # type: ignore[attr-defined]
        "instruments": len(results),
        "not_served": [each.why for each in results if each.why],
        "median_error": round(median(each.error for each in scores), 5) if scores else None,
        "worst_error": round(max(each.error for each in scores), 5) if scores else None,
        "over_unobserved_s": sum(each.over_unobserved_s for each in scores),
        "intervals_a_day": round(median(each.intervals for each in scores)) if scores else None,
    }


if __name__ == "__main__":
    sys.exit(main())
