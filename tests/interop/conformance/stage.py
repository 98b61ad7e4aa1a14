"""Where a scenario is played: a Redis, a client and one or two workers.

A scenario is a function of a stage. What it enqueues goes through the stage's
client (RQ's classes, or the program crq), what it runs through the stage's
fleet (RQ's worker, crq-worker, or both), and what it sees is written down:
`seen` holds the whole state at the end, and whatever the scenario looked at on
the way, to be compared with the same scenario on another stage.
"""

import contextlib
import re
import signal
import subprocess
import tempfile
import time

import redis
from rq import Queue
from rq.job import Job, JobStatus
from rq.worker import Worker

import whole
from clients import RQClient
from conftest import SANITIZERS, WorkerProcess, module, program_folder

ENDED = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED,
         JobStatus.CANCELED)


class Stage:
    """See the top of this file. fleet: names of the workers to start, each
    "rq" or "crq". serializer: None for RQ's default."""

    def __init__(self, server, rq_workers, client, fleet, serializer):
        self.url = server.url
        self.r = redis.Redis.from_url(server.url)
        self.r.flushall()
        self.fleet, self.serializer = fleet, serializer
        self.seen = {}
        self.q = self.queue("q")
        self._client = client(self)
        self._rq_workers = rq_workers
        self._workers = []
        self._log = tempfile.NamedTemporaryFile(prefix="rq-worker-log-")

    # ---- clients ----

    def enqueue(self, func, *args, **options):
        """As Queue.enqueue(); the job is "a" on the queue "q" by default."""
        options.setdefault("job_id", "a")
        self._client.enqueue(options.pop("queue", "q"), func, args,
                             dict(options))
        return self.job(options["job_id"])

    def job(self, job_id="a"):
        return Job.fetch(job_id, connection=self.r,
                         serializer=self.serializer)

    def queue(self, name, **options):
        return Queue(name, connection=self.r,
                     **{"serializer": self.serializer, **options})

    def cancel(self, job_id="a", **options):
        self._client.cancel(job_id, **options)

    def requeue(self, job_id="a", **options):
        self._client.requeue(job_id, **options)

    def delete(self, job_id="a", **options):
        self._client.delete(job_id, **options)

    def empty(self, name="q"):
        self._client.empty(name)

    def stop(self, job_id="a"):
        """Tells the worker of a running job to stop it."""
        self.until_shown(job_id)
        self._client.stop(job_id)

    def pass_time(self):
        """The time of all that is scheduled has come."""
        for key in self.r.keys("rq:scheduled:*"):
            for job_id in self.r.zrange(key, 0, -1):
                self.r.zadd(key, {job_id: time.time() - 1})

    # ---- workers ----

    def work(self, *queues, **options):
        """Runs all that is there, and ends."""
        with self.working(*queues, burst=True, **options) as workers:
            self._wait(workers)

    @contextlib.contextmanager
    def working(self, *queues, **options):
        """Workers for a while. They end warmly, unless they have ended."""
        workers = [self._start(kind, place, queues or ("q",), options)
                   for place, kind in enumerate(self.fleet)]
        try:
            yield workers
        except BaseException:
            for worker in workers:
                worker.kill()
            raise
        for place, worker in enumerate(workers):
            if worker.running() and not options.get("burst"):
                self.until(lambda: not self._is_between_jobs(place))
                worker.signal(signal.SIGTERM)
        self._wait(workers)

    def another(self, *queues):
        """A worker of the same name as the first; not waited for."""
        return (self._start_rq if self.fleet[0] == "rq" else self._start_crq)(
            self.name_of(0), queues or ("q",))

    def _wait(self, workers):
        for worker in workers:
            if isinstance(worker, WorkerProcess):
                worker.wait(20)
                continue
            self.until(lambda: worker.died(self.r), 20)
            worker.kill()

    def name_of(self, place):
        return "w" if len(self.fleet) == 1 else f"w{place}"

    def _start(self, kind, place, queues, options):
        name = self.name_of(place)
        options = {"serializer": self.serializer, **options}
        ready = options.pop("ready", ("idle", "busy"))
        worker = (self._start_rq if kind == "rq" else self._start_crq)(
            name, queues, **options)
        self._workers.append(worker)
        if not options.get("burst"):
            self.until(lambda: self._state(name) in ready
                       and self._hears(name) or not worker.running())
            assert worker.running(), self.texts()
        return worker

    def _state(self, name):
        return (self.r.hget(f"rq:worker:{name}", "state") or b"").decode()

    def _is_between_jobs(self, place):
        """A worker of RQ that is told to end when it has looked whether it is
        to end, but does not yet say that it is idle, waits for a job first."""
        return (self.fleet[place] == "rq"
                and self._state(self.name_of(place)) == "busy"
                and not self.r.hexists(f"rq:worker:{self.name_of(place)}",
                                       "current_job"))

    def _hears(self, name):
        return self.r.pubsub_numsub(f"rq:pubsub:{name}")[0][1] > 0

    def _start_rq(self, name, queues, burst=False, results_ttl=None,
                  interval=None, **options):
        if results_ttl is not None:
            options["default_result_ttl"] = results_ttl
        if interval is not None:
            options["job_monitoring_interval"] = interval
        return self._rq_workers.start(self.url, queues, name, self._log.name,
                                      burst=burst, **options)

    def _start_crq(self, name, queues, burst=False, results_ttl=None,
                   interval=None, max_jobs=None, scheduler=False,
                   serializer=None, modules=("demo",)):
        # The serializer is seen in the job.
        words = [word for one in modules for word in ("--load", module(one))]
        words += ["--jobs", 1, "--name", name]
        words += ["--burst"] if burst else []
        for option, value in (("--results-ttl", results_ttl),
                              ("--max-jobs", max_jobs),
                              ("--job-monitoring-interval", interval)):
            words += [] if value is None else [option, value]
        # Their server is on this machine.
        words += ["--webhook-allow-private"]
        if scheduler:
            # RQ's worker in a burst does what is due before its first job.
            subprocess.run([f"{program_folder()}/crq-scheduler", "--burst",
                            "-u", self.url, *queues], check=True, timeout=20)
        return WorkerProcess(self.url, [*words, *queues])

    # ---- waiting ----

    def until(self, what, seconds=8):
        """The first true value of what()."""
        deadline = time.monotonic() + seconds
        while True:
            got = what()
            if got:
                return got
            assert time.monotonic() < deadline, \
                "it did not come\n" + self.texts()
            time.sleep(0.005)

    def until_status(self, status, job_id="a"):
        return self.until(lambda: self._status(job_id) == status)

    def _status(self, job_id):
        return (self.r.hget(f"rq:job:{job_id}", "status") or b"").decode()

    def until_ended(self, job_id="a"):
        self.until(lambda: self._status(job_id) in ENDED)

    def until_idle(self, good=None, bad=None):
        """Every worker shows that it does nothing, and all together so many
        successes and failures: crq's records are a tenth of a second late."""
        for place in range(len(self.fleet)):
            name = self.name_of(place)
            self.until(lambda: self._state(name) == "idle" and not
                       self.r.hexists(f"rq:worker:{name}", "current_job"))
        for field, count in (("successful_job_count", good),
                             ("failed_job_count", bad)):
            if count is not None:
                self.until(lambda: count == sum(
                    int(self.r.hget(f"rq:worker:{self.name_of(place)}", field)
                        or 0) for place in range(len(self.fleet))))

    def until_shown(self, job_id="a"):
        """The task runs, and a worker's record shows it."""
        self.until_status("started", job_id)
        self.until(lambda: any(
            worker.get_current_job_id() == job_id
            and worker.get_state() == "busy"
            for worker in Worker.all(connection=self.r)))
        # RQ: the horse starts a moment later, and kill-horse needs it.
        time.sleep(0.05)

    # ---- what is seen ----

    def see(self, name, what):
        """An answer of RQ's classes."""
        self.seen[f"({name})"] = re.sub(r"\b[0-9a-f]{32}\b", "<exec>",
                                        repr(what))

    def look(self, when):
        """The whole state, now."""
        for path, what in whole.read(self.r).items():
            self.seen[f"{when}: {path}"] = what

    # ---- the end ----

    def statuses(self):
        """{id: status} of all jobs that are left."""
        return {key.decode().split(":")[2]: self._status(
            key.decode().split(":")[2]) for key in self.r.keys("rq:job:*")
            if key.count(b":") == 2}

    def texts(self):
        """All that the workers said."""
        with open(self._log.name, errors="replace") as f:
            said = [f.read()]
        said += [worker.text() for worker in self._workers
                 if isinstance(worker, WorkerProcess)]
        return "\n".join(said)

    def close(self):
        left = []
        for worker in self._workers:
            if isinstance(worker, WorkerProcess):
                left += worker.stop()
            elif worker.running():
                worker.kill()
        texts = self.texts()
        for worker in self._workers:
            if isinstance(worker, WorkerProcess):
                worker.log.close()
        self._log.close()
        self.r.close()
        assert left == [], "processes outlived their worker"
        assert not any(word in texts for word in SANITIZERS), texts


class Theatre:
    """Where the scenarios of a session are played, and what RQ's own client
    and worker left of each."""

    def __init__(self, server, rq_workers):
        self._server, self._rq_workers = server, rq_workers
        self._by_rq = {}

    def play(self, scenario, client, *fleet, serializer=None):
        """What was seen, and how each job ended."""
        made = Stage(self._server, self._rq_workers, client, fleet, serializer)
        try:
            scenario.play(made)
            made.look("end")
            return made.seen, made.statuses()
        finally:
            made.close()

    def by_rq(self, scenario):
        if scenario.name not in self._by_rq:
            self._by_rq[scenario.name] = self.play(scenario, RQClient, "rq")
        return self._by_rq[scenario.name]
