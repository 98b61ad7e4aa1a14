"""The functions of crq's module demo for RQ's own worker, so that the very
same job runs on either. What they do is in workers/demo/demo.c."""

import json
import os
import signal
import subprocess
import sys
import time

from rq import Queue, Retry, get_current_job

_kept = []


def noop():
    pass


def echo(value):
    return value


def add(x, y):
    return x + y


def greet(name="Stranger"):
    return f"Hi there, {name}!"


def sleep(seconds):
    time.sleep(seconds)


def spin():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass


def fail(message):
    raise RuntimeError(message)


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def exit(code):
    os._exit(code & 0xff)


def retry(times):
    return Retry(times)


def alloc(mib, seconds=0, keep=False):
    memory = bytearray(b"\1") * (mib << 20)
    time.sleep(seconds)
    if keep:
        _kept.append(memory)
    return mib


def orphan(seconds):
    code = "import sys, time; time.sleep(float(sys.argv[1]))"
    return subprocess.Popen([sys.executable, "-c", code, str(seconds)],
                            start_new_session=True).pid


def meta(key, value):
    job = get_current_job()
    job.meta[key] = value
    job.save_meta()


def enqueue(function, *args, **kwargs):
    job = get_current_job()
    queue = Queue(job.origin, connection=job.connection,
                  serializer=job.serializer)
    return queue.enqueue(function, *args, **kwargs).id


def _note(callback, job, connection, **more):
    status = job.get_status(refresh=True)
    line = {"callback": callback, "job_id": job.id, "status": status, **more}
    connection.rpush("demo:callbacks", json.dumps(line))


def on_success(job, connection, result):
    _note("on_success", job, connection, result=result)


def on_failure(job, connection, error_class, error, trace):
    _note("on_failure", job, connection, error=str(error))


def on_stopped(job, connection):
    _note("on_stopped", job, connection)
