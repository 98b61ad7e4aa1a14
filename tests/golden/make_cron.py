#!/usr/bin/env python3
"""Write cron.tsv: the times that Python's libraries find for cron expressions.

    make_cron.py [--rows N] [--seed S] > cron.tsv
    make_cron.py --check cron.tsv

A row is the rules ("standard" is croniter 6 or 7, "crontab" is crontab 1.0.5,
which rq-scheduler 0.14 uses), an expression, an instant, and the next instants
after it, in seconds since 1970 UTC, all in UTC; or "-" where the library
refuses the expression or finds none. What croniter takes and crq does not is not made here:
ranges that end before they begin, hashes, "W", "L" and "#".
"""
import argparse
import datetime
import random
import sys
import warnings

import croniter
import crontab

UTC = datetime.timezone.utc
BOUNDS = {"s": (0, 59), "m": (0, 59), "h": (0, 23), "d": (1, 31),
          "o": (1, 12), "w": (0, 7), "y": (1970, 2099)}
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
NEXT = 4


def name(rnd, kind, n):
    """n, or sometimes its name."""
    if kind == "o" and rnd.random() < 0.3:
        return rnd.choice([str, str.upper, str.title])(MONTHS[n - 1])
    if kind == "w" and rnd.random() < 0.3:
        return DAYS[n % 7]
    return str(n)


def item(rnd, kind, rules):
    low, high = BOUNDS[kind]
    if kind == "y":
        low, high = 2020, 2060
    if rules == "crontab" and kind == "d" and rnd.random() < 0.1:
        return rnd.choice(["L", "Z3", "z1-4", "l", "Z0"])
    if rules == "crontab" and kind == "w" and rnd.random() < 0.1:
        return rnd.choice(["L5", "l0", "L1-3", "L7"])
    dice = rnd.random()
    first, last = sorted(rnd.sample(range(low, high + 1), 2))
    if dice < 0.5:
        return name(rnd, kind, first)
    step = rnd.choice([1, 2, 3, 5, 7, 15, 29])
    if kind != "y" and step > high:
        step = 2
    if dice < 0.7:
        return f"{first}-{last}"
    if dice < 0.8:
        return f"{first}-{last}/{step}"
    if dice < 0.9:
        return f"*/{step}"
    return f"{first}/{step}"


def field(rnd, kind, rules):
    if rnd.random() < (0.9 if kind == "y" else 0.4):
        return "*"
    count = 1 if rnd.random() < 0.7 else rnd.randint(2, 4)
    return ",".join(item(rnd, kind, rules) for _ in range(count))


def expression(rnd, rules):
    kinds = rnd.choice(["mhdow", "smhdow"] if rules == "standard"
                       else ["mhdow", "mhdowy", "smhdowy"])
    return " ".join(field(rnd, kind, rules) for kind in kinds)


def by_croniter(text, start):
    seconds = len(text.split()) == 6
    it = croniter.croniter(text, start, second_at_beginning=seconds,
                           max_years_between_matches=50)
    return [int(it.get_next(float)) for _ in range(NEXT)]


def by_crontab(text, start):
    tab = crontab.CronTab(text)
    now = datetime.datetime.fromtimestamp(start, UTC).replace(tzinfo=None)
    found = []
    for _ in range(NEXT):
        now = tab.next(now=now, return_datetime=True)
        if now is None:
            break
        found.append(int(now.replace(tzinfo=UTC).timestamp()))
    return found


def row(rules, text, start):
    try:
        found = (by_croniter if rules == "standard" else by_crontab)(text,
                                                                     start)
    except (croniter.CroniterError, ValueError):
        found = None
    wanted = "-" if not found else " ".join(map(str, found))
    return f"{rules}\t{text}\t{start}\t{wanted}\n"


FIXED = ["0 0 29 2 *", "0 0 29 2 1", "0 0 1-7 * mon", "0 0 */2 * mon",
         "0 0 1-31 * mon", "*/15 8-17 * * mon-fri", "59 23 31 12 *",
         "0 0 ? * 5", "0 0 13 * fri", "@hourly", "@daily", "@weekly",
         "@monthly", "@yearly", "@annually", "0 12 * * 7", "0 12 * * sat-sun",
         "0 0 31 4,6,9,11 *", "0 0 30 2 *"]


def table(rows, seed):
    rnd = random.Random(seed)
    warnings.simplefilter("ignore")
    for rules in ("standard", "crontab"):
        cases = list(FIXED)
        while len(cases) < rows:
            cases.append(expression(rnd, rules))
        for text in cases:
            start = rnd.randint(1577836800, 1893455999)  # 2020 to 2029
            yield row(rules, text, start)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check")
    args = parser.parse_args()
    made = "".join(table(args.rows, args.seed))
    if args.check:
        with open(args.check, encoding="utf-8") as old:
            sys.exit(old.read() != made and "cron.tsv differs")
    sys.stdout.write(made)


if __name__ == "__main__":
    main()
