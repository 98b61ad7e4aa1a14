"""The tables that stand for Python in the unit tests are what Python says."""

import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.skipif(sys.version_info < (3, 10),
                    reason="older Pythons name functions otherwise")
def test_the_table_of_arguments_is_this_pythons():
    subprocess.run([sys.executable, GOLDEN / "make_params.py", "--check",
                    GOLDEN / "params.tsv"], check=True)


def test_the_table_of_msgpack_is_this_pythons():
    pytest.importorskip("msgpack")
    subprocess.run([sys.executable, GOLDEN / "make_msgpack.py", "--check",
                    GOLDEN / "msgpack.tsv"], check=True)
