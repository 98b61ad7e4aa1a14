"""crq app check: every mistake with its place, and an exit status."""

import json

import pytest

GOOD = {
    "name": "pet", "queues": ["pet"],
    "schedules": [{"id": "tick", "every": "0.5s",
                   "enqueue": {"task": "pet.tick"}}],
}


def write(folder, content):
    path = folder / "app.json"
    path.write_text(content if isinstance(content, str)
                    else json.dumps(content))
    return path


def test_a_good_file_or_its_folder_exits_with_0(crq, tmp_path):
    path = write(tmp_path, GOOD)

    for name in (path, tmp_path):
        done = crq("app", "check", str(name))
        assert (done.code, done.err) == (0, "")
        assert done.out.endswith(
            ": 1 queue, 1 schedule, 0 triggers, 0 routes, 0 sockets\n")


def test_all_mistakes_of_all_files_are_told(crq, tmp_path):
    path = write(tmp_path, {**GOOD, "name": "a b", "colour": "red"})
    done = crq("app", "check", str(path), "/no/such/file")

    assert done.code == 1 and done.out == ""
    lines = done.err.splitlines()
    assert lines[0].startswith(f"{path}: $.name: expected a name")
    assert lines[1].startswith(f"{path}: $.colour: there is no such key")
    assert "/no/such/file" in lines[2]


def test_json_output_has_one_object_for_each_file(crq, tmp_path):
    path = write(tmp_path, '{"name": "a",\n "name": "b"}')
    done = crq("--json", "app", "check", str(path))

    assert done.code == 1
    [row] = done.json()
    assert row["file"] == str(path) and row["ok"] is False
    [mistake] = row["mistakes"]
    assert mistake["path"] == ""
    assert "line 2, column 2: this key stands here twice" in mistake["mistake"]


@pytest.mark.parametrize("args", [
    ["app"], ["app", "check"], ["app", "run", "x"],
], ids=" ".join)
def test_wrong_usage_is_64(crq, args):
    assert crq(*args).code == 64
