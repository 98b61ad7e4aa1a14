"""RQ's own workers, quickly: one process imports RQ once and forks a worker
for each line that it is sent.

RQ is unmodified, and each of its workers is a process of its own that forks
its horses, as "rq worker" would be.
"""

import json
import os
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))


class RQWorkers:
    """The process that forks them, seen from a test."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": HERE})

    def _ask(self, **question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, url, queues, name, log, **options):
        return RQWorker(self, self._ask(
            url=url, queues=list(queues), name=name, log=log, **options))

    def status(self, pid):
        """None while it runs."""
        return self._ask(status=pid)

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)


class RQWorker:
    """One of them: what conftest.WorkerProcess is for crq-worker."""

    def __init__(self, workers, pid):
        self._workers, self.pid, self._code = workers, pid, None

    def status(self):
        """None while it runs."""
        if self._code is None:
            self._code = self._workers.status(self.pid)
        return self._code

    def running(self):
        return self.status() is None

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def wait(self, timeout=20):
        deadline = time.monotonic() + timeout
        while self.running():
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError("an RQ worker did not end")
            time.sleep(0.003)
        return self._code

    def died(self, r):
        """Whether it has ended: its death is the last that it writes, but then
        it often waits a second for its thread that listens."""
        return not self.running() or any(
            record.get(b"pid") == str(self.pid).encode() and
            b"death" in record for record in map(
                r.hgetall, r.keys("rq:worker:*")))

    def horses(self):
        """Its children: the horse, unless it idles."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            return [int(word) for word in f.read().split()]

    def kill(self):
        if self.running():
            horses = self.horses()
            os.kill(self.pid, signal.SIGKILL)
            for pid in horses:
                os.kill(pid, signal.SIGKILL)


# ---- the other side ----

def _work(url, queues, name, log, burst=True, scheduler=False, max_jobs=None,
          serializer=None, **options):
    import redis
    import rq
    from rq.serializers import resolve_serializer

    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    connection = redis.Redis.from_url(url)
    serializer = resolve_serializer(serializer)
    worker = rq.Worker(
        [rq.Queue(queue, connection=connection, serializer=serializer)
         for queue in queues], name=name, connection=connection,
        serializer=serializer, **options)
    worker.work(burst=burst, max_jobs=max_jobs, with_scheduler=scheduler,
                logging_level="INFO")


def _fork(question):
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        # Not the pipe of the questions: whoever inherits it would keep it.
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        _work(**question)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main():
    import demo  # noqa: F401: for all that are forked
    import redis  # noqa: F401
    import rq.worker  # noqa: F401
    import rq.scheduler  # noqa: F401

    ended = {}
    for line in sys.stdin:
        question = json.loads(line)
        if "status" not in question:
            answer = _fork(question)
        else:
            pid = question["status"]
            if pid not in ended:
                got, status = os.waitpid(pid, os.WNOHANG)
                if got:
                    ended[pid] = os.waitstatus_to_exitcode(status)
            answer = ended.get(pid)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
