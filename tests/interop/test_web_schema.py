"""What schemathesis makes of openapi.json, sent to a crq-web: whatever comes
back has to be as described there. ./check --full installs it."""

import os
import subprocess
from pathlib import Path

import pytest

PROGRAM = os.environ.get("CRQ_SCHEMATHESIS")
CONFIG = Path(__file__).parent.parent / "web" / "schemathesis.toml"

CHECKS = [
    "not_a_server_error", "status_code_conformance",
    "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection",
    "missing_required_header", "unsupported_method", "use_after_free",
    # Not positive_data_acceptance: that a timeout of "0s" is none, a schema
    # does not say. Nor allow_header_conformance: /jobs/apply takes what
    # /jobs/{id} takes, too.
]


@pytest.mark.skipif(not PROGRAM, reason="CRQ_SCHEMATHESIS names no program")
@pytest.mark.parametrize("seed", [1, 2])
def test_answers_are_as_the_description_says(gateway, seed, tmp_path):
    web = gateway()
    base = f"http://127.0.0.1:{web.port}/api/v1"
    done = subprocess.run(
        [PROGRAM, "--config-file", str(CONFIG), "run", base + "/openapi.json",
         "-u", base, "--seed", str(seed), "-n", "25", "--phases",
         "coverage,fuzzing,stateful", "--continue-on-failure", "-c",
         ",".join(CHECKS), "--warnings", "off"],
        cwd=tmp_path, capture_output=True, text=True, timeout=1800)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert web.get("/livez").status == 200
