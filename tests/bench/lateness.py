#!/usr/bin/env python3
"""How late crq-scheduler is, beside a bare timer on the same machine.

usage: tests/bench/lateness.py [BUILD [ENTRIES [SECONDS]]]

A private Redis; ENTRIES (1000) jobs due at random instants of SECONDS (60),
known long before. A probe sleeps until other such instants and pushes a word
by itself. One consumer pops both and looks at the clock, so what the machine,
Redis and Python cost is in both numbers: the difference is the scheduler's.
Then as many jobs for one instant: how long until the last one is there.
Prints a line of JSON for each. Wants redis-py.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process

import redis

LEAD_S = 3  # the entries are known this long before the first


def sleep_until(due):
    while (left := due - time.time()) > 0:
        time.sleep(left)


def probe(url, dues):
    r = redis.Redis.from_url(url)
    r.ping()
    for due in dues:
        sleep_until(due)
        r.rpush("probe", f"{due:.6f}")


def show(name, late):
    late.sort()

    def at(share):
        return round(late[min(int(len(late) * share), len(late) - 1)] * 1e3, 3)

    print(json.dumps({"bench": "lateness", "subject": name, "unit": "ms",
                      "count": len(late), "p50": at(.5), "p90": at(.9),
                      "p99": at(.99), "max": at(1)}), flush=True)


def add(r, name, due):
    """A job for later, with the due time as its id."""
    r.hset(f"rq:job:{name}", mapping={"data": "x", "status": "scheduled",
                                      "timeout": 180})
    r.zadd("rq:scheduled:q", {name: due})


def spread(r, url, count, seconds):
    begin = time.time() + LEAD_S
    jobs = {f"j{n}": begin + random.random() * seconds for n in range(count)}
    for name, due in jobs.items():
        add(r, name, due)
    bare = sorted(begin + random.random() * seconds for _ in range(count))
    process = Process(target=probe, args=(url, bare))
    process.start()
    late = {"probe": [], "crq-scheduler": []}
    while sum(map(len, late.values())) < 2 * count:
        key, word = r.blpop(["probe", "rq:queue:q"])
        now = time.time()
        if key == b"probe":
            late["probe"].append(now - float(word))
        else:
            late["crq-scheduler"].append(now - jobs[word.decode()])
    process.join()
    assert min(late["crq-scheduler"]) >= 0, "a job came early"
    for name, values in late.items():
        show(name, values)


def burst(r, count):
    due = time.time() + 5 + count / 5000
    pipe = r.pipeline(transaction=False)
    for n in range(count):
        add(pipe, f"b{n}", due)
    pipe.execute()
    assert time.time() < due - 1, "the machine is too slow for this"
    late = []
    while len(late) < count:
        got = r.llen("rq:queue:q")
        late += [time.time() - due] * (got - len(late))
        time.sleep(0.002)
    show(f"{count} at one instant", late)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "."
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 60
    folder = tempfile.mkdtemp(prefix="crq-late-", dir="/tmp")
    path = os.path.join(folder, "sock")
    url = f"unix://{path}"
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", ""],
        stdout=subprocess.DEVNULL)
    scheduler = None
    try:
        while not os.path.exists(path):
            time.sleep(0.01)
        r = redis.Redis.from_url(url)
        r.sadd("rq:queues", "rq:queue:q")
        scheduler = subprocess.Popen(
            [os.path.join(build, "crq-scheduler"), "-q", "-u", url])
        spread(r, url, count, seconds)
        burst(r, count * 10)
    finally:
        for process in (scheduler, server):
            if process is not None:
                process.terminate()
                process.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
