"""Files that take the place of others whole, or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from explorer.engine.sharing.files import forget_parts, replacing
from explorer.engine.sharing.session_file import Notes, SessionFile, outline, write
from explorer.request import ModelRef
from explorer.state import State

KILLED = """
import os, sys, time, zipfile
from pathlib import Path
from explorer.engine.sharing.files import replacing
from explorer.engine.sharing.session_file import Notes, SessionFile, write
from explorer.request import ModelRef
from explorer.state import State

def stop(*arguments, **named):
    print("there", flush=True)
    time.sleep(600)

if sys.argv[2] == "in the middle":
    whole = zipfile.ZipFile.writestr
    def half(archive, name, text, *more):
        archive.fp.write(text.encode()[: len(text) // 2])
        archive.fp.flush()
        stop()
    zipfile.ZipFile.writestr = half
elif sys.argv[2] == "before all of it is on the disk":
    os.fsync = stop
else:
    Path.replace = stop
session = SessionFile(ModelRef("new"), Notes(State().to_json()))
with replacing(sys.argv[1]) as file:
    write(session, file)
"""


@pytest.mark.parametrize("moment", ["in the middle", "before all of it is on the disk", "before it takes the place"])
def test_a_program_killed_while_it_saves_leaves_the_old_file_whole(tmp_path: Path, moment: str) -> None:
    file = tmp_path / "work[1].dxsession"
    with replacing(file) as new:
        write(SessionFile(ModelRef("old"), Notes(State().to_json())), new)
    before = file.read_bytes()
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(file), moment]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "there\n"
    os.kill(program.pid, signal.SIGKILL)
    program.wait()
    program.stdout.close()
    assert file.read_bytes() == before
    assert outline(file).model.path == "old"
    other = tmp_path / ".other.0123.part"
    other.write_bytes(b"")
    assert len(list(tmp_path.iterdir())) == 3, "what was written of the new one lies beside it"
    forget_parts(file, 3600)
    assert len(list(tmp_path.iterdir())) == 3, "it may be another program's that is writing now"
    forget_parts(file)
    assert sorted(tmp_path.iterdir()) == [other, file]
