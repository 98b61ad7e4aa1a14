"""What the tests of the applications stand on: the fixtures of the interop
tests, and jobs that are waited for."""

import importlib.util
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.exceptions import ResponseError
from rq import Queue
from rq.results import Result

HERE = Path(__file__).parent
APPS = HERE.parent.parent / "workers" / "apps"
INTEROP = HERE.parent / "interop"


def _interop(name):
    """A module of the interop tests, under a name of its own."""
    spec = importlib.util.spec_from_file_location(
        f"interop_{name}", INTEROP / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_fixtures = _interop("conftest")
SANITIZERS = _fixtures.SANITIZERS
crq = _fixtures.crq
eventually = _fixtures.eventually
module = _fixtures.module
program_folder = _fixtures.program_folder
r = _fixtures.r
redis_server = _fixtures.redis_server
worker = _fixtures.worker
# It imports this very file as "conftest", and finds there what it needs.
sys.modules.setdefault("conftest", sys.modules[__name__])
scheduler = _interop("test_scheduler").scheduler
Gateway = _interop("web").Gateway


class Refused(Exception):
    """A task has said no."""

    def __init__(self, why):
        super().__init__(why["title"])
        self.why = why
        self.status = why["status"]
        self.detail = why["detail"]


class App:
    """An application whose queue a worker serves."""

    def __init__(self, r, name):
        self.r = r
        self.name = name
        self.queue = Queue(name, connection=r)

    def options(self, **options):
        """What "crq up" writes from the options of app.json."""
        if options:
            self.r.hset(f"crq:app:{self.name}", mapping=options)

    def start(self, func, *args, **kwargs):
        """A job that is not waited for."""
        return self.queue.enqueue_call(
            f"{self.name}.{func}", args, kwargs, result_ttl=300,
            failure_ttl=300)

    @staticmethod
    def end(job, timeout=20):
        """What a job has returned; a refusal is raised."""
        result = job.latest_result(timeout=timeout)
        assert result is not None, f"{job.id} has not ended"
        if result.type == Result.Type.SUCCESSFUL:
            return result.return_value
        name, _, text = result.exc_string.strip().rpartition("\n")[2] \
            .partition(": ")
        assert name == "crq.Refused", result.exc_string
        raise Refused(json.loads(text))

    def call(self, func, *args, **kwargs):
        return self.end(self.start(func, *args, **kwargs))

    def outcome(self, func, *args, **kwargs):
        """What was returned, or the status of the refusal."""
        try:
            return self.call(func, *args, **kwargs)
        except Refused as e:
            return e.status

    def at_once(self, calls):
        """Several calls from as many processes' worth of connections; their
        outcomes in order."""
        jobs = [self.start(*words) for words in calls]

        def end(job):
            try:
                return self.end(job)
            except Refused as e:
                return e.status

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(end, jobs))

    def cost(self):
        """What one small job takes on this machine, now, in seconds."""
        took = []
        for _ in range(7):
            began = time.monotonic()
            self.outcome("view", "x")
            took.append(time.monotonic() - began)
        return sorted(took)[len(took) // 2]

    def events(self, key):
        """Entries of a stream: (type, data), data as JSON has it."""
        return [(entry[b"type"].decode(), json.loads(entry[b"data"]))
                for _, entry in self.r.xrange(key)]


@pytest.fixture
def app(r, worker):
    """Start an application: app("pet", jobs=4, sleep_seconds=0.3)."""

    def start(name, jobs=2, **options):
        made = App(r, name)
        made.options(**options)
        made.worker = worker("--jobs", jobs, name, modules=(name,))
        return made

    return start


@pytest.fixture
def gateway(redis_server, r):
    """Start crq-webs: gateway("buzzer"). Each must end well."""
    started = []

    def start(name, *args):
        started.append(Gateway(redis_server.url, *args, app=APPS / name))
        return started[-1].wait_until_ready()

    yield start
    assert {made.stop() for made in started} <= {0}


class Triggers(threading.Thread):
    """The triggers of an app.json, as a scheduler has them: each event once,
    also when it came while this was down."""

    def __init__(self, app):
        super().__init__(daemon=True)
        self.app, self.stopped = app, False
        with open(APPS / app.name / "app.json") as f:
            self.triggers = json.load(f)["triggers"]
        self.streams = {t["stream"]: ">" for t in self.triggers}
        for stream in self.streams:
            try:
                app.r.xgroup_create(stream, "triggers", 0, mkstream=True)
            except ResponseError:
                pass  # of an earlier one
        self.start()

    @staticmethod
    def argument(text, event):
        name, _, kind = text.removeprefix("$event.").partition(":")
        return int(event[name]) if kind == "int" else event[name]

    def handle(self, stream, entry_id, event):
        for n, trigger in enumerate(self.triggers):
            if trigger["stream"] == stream and \
                    trigger["match"].items() <= event.items():
                call = trigger["enqueue"]
                self.app.queue.enqueue_call(
                    call["task"], kwargs={
                        name: self.argument(text, event)
                        for name, text in call["args"].items()},
                    job_id=f"trigger-{n}-{entry_id}", result_ttl=300)
        self.app.r.xack(stream, "triggers", entry_id)

    def run(self):
        while not self.stopped:
            got = self.app.r.xreadgroup("triggers", "one", self.streams,
                                        block=50)
            for stream, entries in got:
                for entry_id, fields in entries:
                    self.handle(stream.decode(), entry_id.decode(), {
                        k.decode(): v.decode() for k, v in fields.items()})

    def stop(self):
        self.stopped = True
        self.join()


def check_declaration(crq, name):
    """The application's app.json, once crq app check has found it right."""
    folder = APPS / name
    done = crq("app", "check", folder)
    assert done.code == 0, done.err
    with open(folder / "app.json") as f:
        return json.load(f)


class Probe(threading.Thread):
    """How late a bare timer and one small job of the application make things
    on this machine, now."""

    def __init__(self, app):
        super().__init__(daemon=True)
        self.app, self.late, self.stopped = app, [0.0], False
        self.before = app.cost()
        self.start()

    def run(self):
        while not self.stopped:
            due = time.time() + 0.05
            time.sleep(0.05)
            self.late.append(time.time() - due)

    def stop(self):
        """The worst of it, in seconds."""
        self.stopped = True
        self.join()
        return max(self.late) + max(self.before, self.app.cost())


def listen(r, *channels):
    """Subscribe: messages() then gives what has come, as JSON."""
    pubsub = r.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(*channels)
    eventually(lambda: all(
        count for _, count in r.pubsub_numsub(*channels)))
    return pubsub


def next_message(pubsub, timeout=10):
    """The next message of a subscription."""
    def look():
        message = pubsub.get_message(timeout=0.05)
        return message and json.loads(message["data"])
    return eventually(look, timeout)
