"""The kernel "infomax (Rust)": evcxr_jupyter, with six things added.

* Its folder is kept, so that dependencies are compiled once and not at every start. Kernels that run at the same time have
  folders of their own.
* Dependencies have the versions of infomax's own Cargo.lock: evcxr forgets them at every start, and would fetch and compile
  what has come out since.
* What `cargo run` tells the programs that it runs is forgotten: it would have dependencies compiled again.
* rust-analyzer, which evcxr asks for the types of variables, reads no crates that none is made of: it has a cargo of its own
  (`infomax notebook setup` makes it).
* An interrupt ends a loop that waits for it (`until_interrupted`) or a compilation, and variables stay. Other cells are
  ended with the process that runs them, as evcxr does it.
* Pictures appear, and change in place, while a cell runs: evcxr passes on whole lines only, so a picture comes as one line
  that begins with `MARK`, and is made a message of its own here.

Started by Jupyter as `kernel.py CONNECTION_FILE`, which `infomax notebook setup` tells it; all but the first are for Linux.
"""
import fcntl
import hashlib
import hmac
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SLOTS = 16
CARGO_RUN = ("CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_", "OUT_DIR")
LOCK = Path(__file__).resolve().parent.parent / "Cargo.lock"
MARK = "INFOMAX_DISPLAY "


class NoKernel(Exception):
    """Why there is none, in one line."""


def cache():
    """Where the kernels' folders are."""
    if home := os.environ.get("INFOMAX_HOME"):
        return Path(home) / "notebook"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infomax" / "notebook"


def evcxr():
    """The kernel's program, or nothing."""
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "bin" / "evcxr_jupyter"
    return os.environ.get("EVCXR_JUPYTER") or shutil.which("evcxr_jupyter") or (str(cargo) if cargo.exists() else None)


def own_folder():
    """The first folder that no other kernel holds, and its lock, which lives as long as the kernel."""
    root = cache()
    root.mkdir(parents=True, exist_ok=True)
    for index in range(SLOTS):
        lock = os.open(root / f"{index}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        break
    else:
        raise NoKernel(f"{SLOTS} kernels run already; shut one down")
    folder = root / str(index)
    folder.mkdir(exist_ok=True)
    if index > 0:
        take_over(root / "0", folder)
    for old in folder.glob("target/*/debug/deps/libcode_*"):
        old.unlink(missing_ok=True)
    return folder, lock


def take_over(first, folder):
    """Brings what the first folder has compiled and this one has not.

    Libraries are linked, not copied: the compiler replaces them and never writes into them. What says that a library is
    complete comes first, in case the first folder's kernel is compiling just now.
    """
    files = [path for path in (first / "target").rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: ".fingerprint" not in path.parts):
        copy = folder / path.relative_to(first)
        own = any(part.startswith(("ctx-", "libctx", "libcode_")) for part in path.parts)
        if own or "incremental" in path.parts or copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            if path.suffix in (".rlib", ".rmeta", ".so"):
                os.link(path, copy)
            else:
                shutil.copy2(path, copy)
        except FileNotFoundError:
            # It was in use for a moment only.
            continue


def keep_versions(folder):
    """Tells cargo which versions to take; it drops those that a notebook does not need."""
    if LOCK.exists():
        shutil.copyfile(LOCK, folder / "Cargo.lock")


def cargo_home():
    """The folder of links to the user's own that `infomax notebook setup` made, or nothing.

    Its cargo does not tell rust-analyzer, which evcxr asks for the types of variables, of crates that none is made of.
    """
    home = cache() / "cargo-home"
    own = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    is_its = (home / "registry").resolve() == (own / "registry").resolve()
    return home if is_its and (home / "bin" / "cargo").exists() else None


def outside(environment):
    """An environment as it was before `cargo run`.

    Build scripts look at what that adds (ring's does), and run again when it is another; all above them is compiled again.
    """
    return {name: value for name, value in environment.items() if not name.startswith(CARGO_RUN)}


def kernel(control_file):
    """Runs evcxr_jupyter until it ends."""
    program = evcxr()
    if program is None:
        raise NoKernel("there is no evcxr_jupyter: cargo install evcxr_jupyter --locked")
    folder, lock = own_folder()
    environment = dict(outside(os.environ), EVCXR_TMPDIR=str(folder))
    # Checks for the kernels' own development, which the kernel's profile would compile into all dependencies.
    environment.setdefault("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false")
    environment.setdefault("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "false")
    # A gigabyte for infomax alone, which a notebook does not change.
    environment.setdefault("CARGO_INCREMENTAL", "0")
    if home := cargo_home():
        environment["CARGO_HOME"] = str(home)
    if not sys.platform.startswith("linux"):
        os.set_inheritable(lock, True)
        os.execve(program, [program, "--control_file", control_file], environment)
    with tempfile.TemporaryDirectory(prefix="infomax-kernel-") as beside:
        inner = relay(control_file, Path(beside) / "kernel.json", lambda: keep_versions(folder))
        environment["INFOMAX_DISPLAY"] = "1"
        # What this starts ignores SIGINT, but for a loop of ours that waits for one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        running = subprocess.Popen([program, "--control_file", str(inner)], env=environment, pass_fds=(lock,))
        signal.signal(signal.SIGINT, lambda *_: interrupt(running.pid))
        signal.signal(signal.SIGTERM, lambda *_: running.terminate())
        return running.wait()


def interrupt(kernel_pid):
    """Ends what the kernel is doing: a compilation, a loop that waits for SIGINT, or the process that runs the cells."""
    own = os.readlink(f"/proc/{kernel_pid}/exe")
    worker = None
    for child in children(kernel_pid):
        try:
            if os.readlink(f"/proc/{child}/exe") == own:
                worker = child
            else:
                os.kill(child, signal.SIGTERM)
                return
        except OSError:
            continue
    if worker is None:
        return
    status = Path(f"/proc/{worker}/status").read_text()
    caught = int(re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.MULTILINE)[1], 16)
    waits = caught >> (signal.SIGINT - 1) & 1
    # Killed, it loses its variables; the kernel starts another.
    os.kill(worker, signal.SIGINT if waits else signal.SIGKILL)


def children(pid):
    """The processes that a process started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The parent is the second number after the name, which is in brackets and may hold anything.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except OSError:
            pass
    return found


def relay(control_file, inner_file, begun):
    """Stands between the kernel's output and Jupyter; writes the connection file that the kernel is given.

    Calls `begun` at the first sign of life, which comes after the kernel's own first compilation and before any cell.
    """
    import zmq

    connection = json.loads(Path(control_file).read_text())
    with socket.socket() as free:
        free.bind((connection["ip"], 0))
        port = free.getsockname()[1]
    inner_file.touch(0o600)
    inner_file.write_text(json.dumps({**connection, "iopub_port": port}))
    context = zmq.Context()
    outer, inner = context.socket(zmq.PUB), context.socket(zmq.SUB)
    outer.bind(f"{connection['transport']}://{connection['ip']}:{connection['iopub_port']}")
    inner.connect(f"{connection['transport']}://{connection['ip']}:{port}")
    inner.subscribe(b"")
    pictures = Pictures(connection["key"].encode())

    def forward():
        message = inner.recv_multipart()
        begun()
        while True:
            outer.send_multipart(pictures.translate(message))
            message = inner.recv_multipart()

    threading.Thread(target=forward, daemon=True).start()
    return inner_file


class Pictures:
    """Makes messages that show a picture, or change one, of lines that hold one."""

    def __init__(self, key):
        self.key = key
        self.shown = set()

    def translate(self, frames):
        """A message as it came, or the picture that its text holds."""
        try:
            start = frames.index(b"<IDS|MSG>") + 2
            header, parent, metadata, content = (json.loads(frame) for frame in frames[start : start + 4])
            if header["msg_type"] != "stream" or not content["text"].startswith(MARK):
                return frames
            picture = json.loads(content["text"][len(MARK) :])
        except (ValueError, KeyError, TypeError):
            return frames
        # A cell that runs again has nothing to change yet.
        shown = (picture["id"], parent.get("msg_id"))
        header["msg_type"] = "update_display_data" if shown in self.shown else "display_data"
        self.shown.add(shown)
        content = {"data": picture["data"], "metadata": {}, "transient": {"display_id": picture["id"]}}
        body = [json.dumps(part).encode() for part in (header, parent, metadata, content)]
        signature = hmac.new(self.key, b"".join(body), hashlib.sha256).hexdigest().encode() if self.key else b""
        return [*frames[: start - 1], signature, *body, *frames[start + 4 :]]


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return kernel(sys.argv[1])
    except NoKernel as e:
        print(f"error: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
