"""The REST interface through tests/web/api_peer, with every answer held
against openapi.json."""

import json
import os
import subprocess
from dataclasses import dataclass

import jsonschema

from conftest import SANITIZERS, program_folder

ROLES = {"read": 0, "enqueue": 1, "operate": 2}


@dataclass(frozen=True)
class Answer:
    status: int
    content_type: str
    body: str
    location: str
    fields: dict
    wait_for_job: str
    wait_ms: int
    log: str

    def json(self):
        return json.loads(self.body)


def errors(answer):
    """What the body did wrong: {path: detail}."""
    return {e["path"]: e["detail"] for e in answer.json().get("errors", [])}


class Api:
    """api("GET", "/jobs/x", wait=5): one request, its answer checked."""

    def __init__(self, url, *args):
        self._process = subprocess.Popen(
            [os.path.join(program_folder(), "tests", "web", "api_peer"), url,
             *map(str, args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.document = self._ask(
            {"method": "GET", "path": ["openapi.json"]}).json()

    def _ask(self, request):
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the peer ended: " + self._process.stderr.read()
        return Answer(**json.loads(line))

    def __call__(self, method, path, body=None, *, key=None, role="operate",
                 content_type="application/json", caller="", waited=False,
                 segments=None, query=None, **params):
        if body is not None and not isinstance(body, str):
            body = json.dumps(body)
        if query is None:
            query = [[name, str(value).lower() if isinstance(value, bool)
                      else str(value)] for name, value in params.items()]
        answer = self._ask({
            "method": method, "path": segments or path[1:].split("/"),
            "query": query, "body": body, "role": ROLES[role], "key": key,
            "content_type": content_type if body is not None else None,
            "caller": caller, "waited": int(waited)})
        if answer.wait_for_job is None:
            self._validate(method, path, answer)
        assert (answer.log is not None) == (answer.status >= 500)
        return answer

    def routes(self):
        """{(method, path): role}"""
        rows = [line.split(" ") for line in
                self._ask({"routes": True}).body.splitlines()]
        assert len(rows) == len({(row[0], row[1]) for row in rows})
        return {(row[0], row[1]): list(ROLES)[int(row[2])] for row in rows}

    def metrics(self):
        return self._ask({"metrics": True})

    def operation(self, method, path):
        """The path of openapi.json that this one is, and its operation."""
        for name, item in self.document["paths"].items():
            ours, theirs = path.split("/"), name.split("/")
            if len(ours) == len(theirs) and method.lower() in item and all(
                    b.startswith("{") or a == b
                    for a, b in zip(ours, theirs)):
                return name, item[method.lower()]
        return None, None

    def _resolve(self, part):
        while "$ref" in part:
            at = self.document
            for step in part["$ref"][2:].split("/"):
                at = at[step]
            part = at
        return part

    def _validate(self, method, path, answer):
        name, operation = self.operation(method, path)
        if operation is None:
            assert answer.status in (404, 405)
            schema = {"$ref": "#/components/schemas/Problem"}
            types = ["application/problem+json"]
        else:
            response = self._resolve(
                operation["responses"][str(answer.status)])
            content = response.get("content", {})
            types = list(content) or [None]
            schema = content.get(answer.content_type, {}).get("schema")
            for field in response.get("headers", {}):
                assert (answer.location if field == "Location"
                        else answer.fields.get(field)), field
        assert answer.content_type in types
        if answer.content_type is None:
            assert answer.body == ""
            return
        jsonschema.Draft202012Validator(
            {**schema, "components": self.document["components"]},
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        ).validate(answer.json())
        if answer.status >= 400:
            assert answer.json()["status"] == answer.status

    def close(self):
        _, said = self._process.communicate(timeout=20)
        assert not any(word in said for word in SANITIZERS), said
        assert self._process.returncode == 0, said
