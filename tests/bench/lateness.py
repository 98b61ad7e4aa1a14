#!/usr/bin/env python3
"""How late schedulers are: crq's, RQ's and rq-scheduler's, beside a bare timer.

usage: tests/bench/lateness.py [BUILD [ENTRIES [SECONDS]]]

A private Redis, with a worker of crq's that is busy with 100 small jobs a
second. Each scheduler has ENTRIES (1000) jobs due at random instants of SECONDS
(60), known long before; three probes sleep until as many other instants each
and push a word by themselves. What is pushed is popped at once, by a process
that looks at the clock. So what machine, Redis and Python cost is in all
numbers: the difference to the probe is the scheduler's.

Then ten times as many jobs for one instant, for each: how late the last one is;
and for crq's own schedules and, while it is crq-scheduler that runs them,
rq-scheduler's entries, each at an instant of its own. Beside that, a pipeline of
plain commands that write what is written for as many.

Prints a line of JSON for each. The status is 1 when crq-scheduler is early, or
later than the probes by more than it may be; see JUDGED. RQ and rq-scheduler
run with their own settings, on a database of their own, where no lock of crq's
is.
Wants rq and rq-scheduler.
"""

import json
import os
import pickle
import random
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing import Process, Queue

import redis
from rq.job import Job

LEAD_S = 5  # the entries are known this long before the first
PROBES = 3
LOAD_S = 0.01  # between two jobs of the worker
PATIENCE_S = 300
#: By how many ms crq-scheduler's may be more than that of the latest probe; or
#: by as much as that, on a machine where a bare timer is later.
JUDGED = {"p99": 5, "max": 20}
#: The last of many at one instant: in a second, or in so many times what plain
#: commands take, on a machine where these take long.
LAST_S, LAST_TIMES = 1, 2
PAUSE_S = 10  # between such instants
CRQ, RQ, PERIODIC = "crq-scheduler", "rq", "rq-scheduler"
#: What else crq-scheduler runs.
OWN, ENTRIES = "crq-scheduler, schedules", "crq-scheduler, periodic entries"
CRQS = (CRQ, OWN, ENTRIES)
ZSETS = {CRQ: "rq:scheduled:crq", RQ: "rq:scheduled:rq",
         PERIODIC: "rq:scheduler:scheduled_jobs",
         OWN: "crq:schedules", ENTRIES: "rq:scheduler:scheduled_jobs"}
QUEUES = {CRQ: "crq", RQ: "rq", PERIODIC: "periodic", OWN: "own",
          ENTRIES: "entries"}


def connect(url):
    return redis.Redis.from_url(url, socket_timeout=None)


# ---- processes ----

def sleep_until(due):
    while (left := due - time.time()) > 0:
        time.sleep(left)


def probe(url, key, dues):
    r = connect(url)
    r.ping()
    for due in dues:
        sleep_until(due)
        r.rpush(key, f"{due:.6f}")


def load(url):
    """Small jobs, at an even pace."""
    r = connect(url)
    data = pickle.dumps(("demo.noop", None, (), {}))
    n, due = 0, time.time()
    while True:
        sleep_until(due)
        pipe = r.pipeline()
        pipe.hset(f"rq:job:l{n}", mapping={
            "data": data, "status": "queued", "origin": "load", "timeout": 180,
            "result_ttl": 1, "created_at": "2026-01-01T00:00:00.000000Z"})
        pipe.rpush("rq:queue:load", f"l{n}")
        pipe.execute()
        n, due = n + 1, due + LOAD_S


def run_rq(url):
    from rq.scheduler import RQScheduler
    scheduler = RQScheduler(["rq"], connection=connect(url),
                            logging_level="ERROR")
    scheduler.acquire_locks()
    scheduler.work()


def run_rq_scheduler(url):
    from rq_scheduler import Scheduler
    Scheduler(connection=connect(url)).run()


def consume(url, keys, count, out):
    """Pop `count` words; when each came."""
    r = connect(url)
    got = []
    while len(got) < count:
        key, word = r.blpop(keys)
        got.append((key.decode(), word.decode(), time.time()))
    out.put(got)


# ---- jobs ----

class Entries:
    """Adds jobs to what a scheduler looks after."""

    def __init__(self, r, subject):
        self._r, self._zset = r, ZSETS[subject]
        made = Job.create("demo.noop", connection=r, origin=QUEUES[subject],
                          status="scheduled", timeout=180)
        if subject == ENTRIES:
            made.meta["interval"] = 3600
        made.save()
        self._fields = r.hgetall(made.key)
        r.delete(made.key)
        # Known from the beginning, so that its lock is taken by then.
        r.sadd("rq:queues", f"rq:queue:{QUEUES[subject]}")

    def add(self, dues):
        pipe = self._r.pipeline(transaction=False)
        for name, due in dues.items():
            pipe.hset(f"rq:job:{name}", mapping=self._fields)
            pipe.zadd(self._zset, {name: due})
        pipe.execute()


class Schedules:
    """Adds schedules of crq's."""

    def __init__(self, r, crq, url):
        self._r = r
        subprocess.run([crq, "-u", url, "schedule", "--every", "1h", "-q",
                        QUEUES[OWN], "model", "demo.noop"],
                       check=True, stdout=subprocess.DEVNULL)
        self._fields = r.hgetall("crq:schedule:model")
        subprocess.run([crq, "-u", url, "unschedule", "model"], check=True,
                       stdout=subprocess.DEVNULL)

    def add(self, dues):
        pipe = self._r.pipeline(transaction=False)
        for name, due in dues.items():
            pipe.hset(f"crq:schedule:{name}",
                      mapping=self._fields | {b"next": f"{due:.6f}"})
            pipe.zadd(ZSETS[OWN], {name: f"{due:.6f}"})
        pipe.execute()


# ---- measuring ----

def show(name, late):
    late.sort()

    def at(share):
        return round(late[min(int(len(late) * share), len(late) - 1)] * 1e3, 3)

    row = {"bench": "lateness", "subject": name, "unit": "ms",
           "count": len(late), "min": at(0), "p50": at(.5), "p90": at(.9),
           "p99": at(.99), "max": at(1)}
    print(json.dumps(row), flush=True)
    return row


def spread(urls, entries, count, seconds):
    begin = time.time() + LEAD_S
    dues = {}
    for subject in entries:
        mine = {f"{QUEUES[subject]}-{n}": begin + random.random() * seconds
                for n in range(count)}
        entries[subject].add(mine)
        dues.update(mine)
    out = Queue()
    probes = [f"probe {n + 1}" for n in range(PROBES)]
    ours = [*probes, "rq:queue:crq"]
    theirs = ["rq:queue:rq", "rq:queue:periodic"]
    processes = [
        Process(target=consume, args=(urls[0], ours, len(ours) * count, out)),
        Process(target=consume, args=(urls[1], theirs, 2 * count, out))]
    processes += [Process(target=probe, args=(urls[0], key, sorted(
        begin + random.random() * seconds for _ in range(count))))
        for key in probes]
    for process in processes:
        process.start()
    assert time.time() < begin - 1, "the machine is too slow for this"
    late = {}
    came = [out.get(timeout=PATIENCE_S) for _ in (ours, theirs)]
    for key, word, now in came[0] + came[1]:
        due = float(word) if key in probes else dues[word]
        late.setdefault(key, []).append(now - due)
    for process in processes:
        process.join()
    rows = {key: show(key, late[key]) for key in probes}
    for subject in entries:
        rows[subject] = show(subject, late[f"rq:queue:{QUEUES[subject]}"])
    return rows


def bare(r, count):
    """What plain commands cost that write what is written for `count` of each
    kind, in seconds."""
    job = {f"field {n}": "value" for n in range(15)}
    words = {f"w{n}": n for n in range(count)}

    def move(pipe, word):
        pipe.hset("bare-job", word, "queued")
        pipe.zrem("bare", word)

    def tick(pipe, word):
        pipe.hset(f"bare-job:{word}", mapping=job)
        pipe.zadd("bare", {word: 1})
        pipe.hset(f"bare-schedule:{word}", mapping={
            "next": 1, "last": 1, "last_job": 1, "lateness": 1})

    def repeat(pipe, word):
        pipe.hset(f"bare-job:{word}", mapping={
            "status": "queued", "origin": "q", "enqueued_at": 1})
        pipe.zadd("bare", {word: 1})

    took = {}
    for subject, write in ((CRQ, move), (OWN, tick), (ENTRIES, repeat)):
        r.zadd("bare", words)
        pipe = r.pipeline(transaction=False)
        begin = time.time()
        for word in words:
            write(pipe, word)
            pipe.rpush("bare-queue", word)
        pipe.execute()
        took[subject] = time.time() - begin
        r.delete("bare", "bare-job", "bare-queue")
    return took


def burst(links, entries, count):
    took = bare(links[0], count)
    due = time.time() + LEAD_S + count * len(entries) / 2000
    dues = dict.fromkeys(entries, due)
    dues |= {OWN: due + PAUSE_S, ENTRIES: due + 2 * PAUSE_S}
    for subject in entries:
        entries[subject].add({f"{QUEUES[subject]}-b{n}": dues[subject]
                              for n in range(count)})
    assert time.time() < due - 1, "the machine is too slow for this"
    left, late = set(entries), {subject: [] for subject in entries}
    while left:
        assert time.time() < due + PATIENCE_S, f"they did not come: {left}"
        for subject in sorted(left):
            r = links[0 if subject in CRQS else 1]
            got = r.llen(f"rq:queue:{QUEUES[subject]}")
            late[subject] += [time.time() - dues[subject]] * (
                got - len(late[subject]))
            if got == count:
                left.remove(subject)
        time.sleep(0.002)
    for subject in took:
        show(f"plain commands for as many, {subject}", [took[subject]])
    return took, {subject: show(f"{count} at one instant, {subject}",
                                late[subject]) for subject in entries}


def judge(rows, took, bursts):
    """What is wrong with crq-scheduler's numbers."""
    mine, faults = rows[CRQ], []
    for name, allowed in JUDGED.items():
        # The latest of the probes: a process that the machine holds up is late.
        bare_timer = max(rows[key][name] for key in rows if "probe" in key)
        most = bare_timer + max(allowed, bare_timer)
        if mine[name] > most:
            faults.append(f"{name} is {mine[name]} ms, more than {most:.1f} "
                          f"beside a probe of {bare_timer} ms")
    if min(row["min"] for row in [mine, *map(bursts.get, CRQS)]) < 0:
        faults.append("a job came early")
    for subject in CRQS:
        most, last = max(LAST_S, LAST_TIMES * took[subject]) * 1e3, \
            bursts[subject]["max"]
        if last > most:
            faults.append(f"the last of many came after {last} ms, more than "
                          f"{most:.0f} ms: {subject}")
    return faults


def run(build, count, seconds, urls, processes):
    links = [connect(url) for url in urls]
    entries = {subject: Entries(links[0 if subject == CRQ else 1], subject)
               for subject in (CRQ, RQ, PERIODIC)}
    processes.append(subprocess.Popen(
        [os.path.join(build, "crq-scheduler"), "-q", "-u", urls[0], "crq"]))
    processes.append(subprocess.Popen(
        [os.path.join(build, "crq-worker"), "-q", "-u", urls[0], "--jobs", "2",
         "--load", os.path.join(build, ".libs", "demo.so"), "load"]))
    for target, url in ((run_rq, urls[1]), (run_rq_scheduler, urls[1]),
                        (load, urls[0])):
        processes.append(Process(target=target, args=(url,)))
        processes[-1].start()
    deadline = time.time() + 20
    while not (links[0].exists("crq:scheduler:leader") and
               links[0].scard("rq:workers") == 2 and
               links[1].exists("rq:scheduler-lock:rq") and
               links[1].keys("rq:scheduler_instance:*")):
        assert time.time() < deadline, "a scheduler or the worker is missing"
        time.sleep(0.05)
    rows = spread(urls, entries, count, seconds)
    entries[OWN] = Schedules(links[0], os.path.join(build, "crq"), urls[0])
    entries[ENTRIES] = Entries(links[0], ENTRIES)
    took, bursts = burst(links, entries, count * 10)
    assert links[0].llen("rq:queue:load") < 100, "the worker did not keep up"
    return judge(rows, took, bursts)


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "."
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 60
    folder = tempfile.mkdtemp(prefix="crq-late-", dir="/tmp")
    path = os.path.join(folder, "sock")
    urls = [f"unix://{path}?db={n}" for n in (0, 1)]
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", ""],
        stdout=subprocess.DEVNULL)
    processes = []
    try:
        while not os.path.exists(path):
            time.sleep(0.01)
        faults = run(build, count, seconds, urls, processes)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait() if isinstance(
                process, subprocess.Popen) else process.join()
        server.terminate()
        server.wait()
        shutil.rmtree(folder)
    for fault in faults:
        print(f"crq-scheduler: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
