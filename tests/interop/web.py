"""A crq-web under test, and clients of it."""

import http.client
import json
import os
import re
import resource
import subprocess
import tempfile
from pathlib import Path

from conftest import SANITIZERS, eventually, program_folder

DEMO = Path(__file__).parent.parent / "web" / "demo"


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """What it says went wrong, which has to be of RFC 9457."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = self.json()
        assert problem["status"] == self.status
        assert problem["type"] == "about:blank" and problem["title"]
        return problem


class Gateway:
    def __init__(self, url, *args, app=DEMO, listen="127.0.0.1:0", env=None,
                 files=None):
        self.log = tempfile.NamedTemporaryFile(prefix="crq-web-log-")
        self.process = subprocess.Popen(
            [os.path.join(program_folder(), "crq-web"), "-v", "-u", url,
             "--listen", listen, *(["--app", str(app)] if app else []),
             *map(str, args)],
            stdout=self.log, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            preexec_fn=files and (lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (files, files))))
        self.port = None

    def text(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()

    def wait_until_ready(self):
        eventually(lambda: self.process.poll() is not None
                   or ("listening" in self.text()
                       and "connected" in self.text()))
        assert self.process.poll() is None, self.text()
        self.port = int(re.search(r"listening at port (\d+)", self.text())[1])
        return self

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=timeout)

    def ask(self, method, path, body=None, headers=None, timeout=30):
        connection = self.connect(timeout)
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, headers)
        reply = Reply(connection.getresponse())
        connection.close()
        return reply

    def get(self, path, **headers):
        return self.ask("GET", path, headers={
            k.replace("_", "-"): v for k, v in headers.items()})

    def stop(self, timeout=20):
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        text = self.text()
        print(text)
        assert not any(word in text for word in SANITIZERS), text
        return code
