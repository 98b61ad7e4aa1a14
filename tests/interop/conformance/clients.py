"""Who enqueues and steers: RQ's classes, or the program crq with the same
meaning."""

import json
import subprocess

from rq.command import send_stop_job_command
from rq.job import Dependency

from conftest import program_folder


class RQClient:
    """RQ's classes."""

    def __init__(self, stage):
        self._stage = stage

    def enqueue(self, queue, func, args, options):
        queue = self._stage.queue(queue, serializer=options.pop(
            "serializer", self._stage.serializer))
        at, after = options.pop("at", None), options.pop("after", None)
        if at is not None:
            queue.enqueue_at(at, func, *args, **options)
        elif after is not None:
            queue.enqueue_in(after, func, *args, **options)
        else:
            queue.enqueue(func, *args, **options)

    def cancel(self, job_id, **options):
        self._stage.job(job_id).cancel(**options)

    def requeue(self, job_id, **options):
        self._stage.job(job_id).requeue(**options)

    def delete(self, job_id, **options):
        self._stage.job(job_id).delete(**options)

    def empty(self, name):
        self._stage.queue(name).empty()

    def stop(self, job_id):
        send_stop_job_command(self._stage.r, job_id)


def _callback(option):
    def words(callback):
        made = [f"--{option}", callback.name]
        return made if callback.timeout == 60 else [
            *made, f"--{option}-timeout", str(callback.timeout)]
    return words


def _dependency(depends_on):
    one = depends_on if isinstance(depends_on, Dependency) \
        else Dependency(depends_on)
    words = [word for job in one.dependencies for word in
             ("--depends-on", getattr(job, "id", job))]
    words += ["--allow-dependency-failures"] if one.allow_failure else []
    return words + (["--at-front"] if one.enqueue_at_front else [])


def _retry(retry):
    words = ["--retry-max", str(retry.max)]
    for seconds in retry.intervals if retry.intervals != [0] else []:
        words += ["--retry-interval", str(seconds)]
    return words + (["--retry-at-front"] if retry.enqueue_at_front else [])


def _repeat(repeat):
    words = ["--repeat", str(repeat.times)]
    for seconds in repeat.intervals if repeat.intervals != [0] else []:
        words += ["--repeat-interval", str(seconds)]
    return words


def _webhooks(webhooks):
    words = []
    for one in webhooks:
        headers = [f"{name}={text}" for name, text in
                   (one.headers or {}).items()]
        words += ["--webhook", ",".join((one.url, one.job_status, one.method,
                                         str(one.timeout), *headers))]
    return words


def _meta(meta):
    return ["--meta", json.dumps(meta)]


#: Each option of Queue.enqueue() as words of "crq enqueue".
WORDS = {
    "job_id": lambda job_id: ["--job-id", job_id],
    "job_timeout": lambda time: ["--timeout", str(time)],
    "result_ttl": lambda time: ["--result-ttl", str(time)],
    "failure_ttl": lambda time: ["--failure-ttl", str(time)],
    "ttl": lambda time: ["--ttl", str(time)],
    "description": lambda text: ["--description", text],
    "at_front": lambda yes: ["--at-front"] if yes else [],
    "unique": lambda yes: ["--unique"] if yes else [],
    "serializer": lambda name: ["--serializer", name] if name else [],
    "at": lambda when: ["--schedule-at", when.isoformat()],
    "after": lambda delta: ["--schedule-in", f"{delta.total_seconds():.0f}s"],
    "retry": _retry,
    "repeat": _repeat,
    "meta": _meta,
    "depends_on": _dependency,
    "on_success": _callback("on-success"),
    "on_failure": _callback("on-failure"),
    "on_stopped": _callback("on-stopped"),
    "webhooks": _webhooks,
}

#: What else a client does: verbs of crq, and methods of the clients here.
VERBS = ("cancel", "requeue", "delete", "empty", "stop")


class CrqClient:
    """The program crq."""

    def __init__(self, stage):
        self._stage = stage

    def _run(self, verb, *words):
        done = subprocess.run(
            [f"{program_folder()}/crq", verb, "-u", self._stage.url, *words],
            text=True, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr

    def enqueue(self, queue, func, args, options):
        options.setdefault("serializer", self._stage.serializer)
        words = ["--quiet", "--queue", queue]
        for name in list(options):
            if name in WORDS:
                words += WORDS[name](options.pop(name))
        # What is left is for the function.
        words += ["--", func, *(f"%{value!r}" for value in args),
                  *(f"{name}%={value!r}" for name, value in options.items())]
        self._run("enqueue", *words)

    def _steer(self, verb, what, options):
        flags = [f"--{name.replace('_', '-')}"
                 for name, yes in options.items() if yes]
        self._run(verb, *flags, what)

    def cancel(self, job_id, **options):
        self._steer("cancel", job_id, options)

    def requeue(self, job_id, **options):
        self._steer("requeue", job_id, options)

    def delete(self, job_id, **options):
        self._steer("delete", job_id, options)

    def empty(self, name):
        self._steer("empty", name, {})

    def stop(self, job_id):
        self._steer("stop", job_id, {})
