"""Tests of kernel.py that need no Jupyter and no Rust.

  python3 -m unittest discover -s notebooks
"""
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import kernel  # noqa: E402


def frames(kind, content, key=b"k"):
    body = [json.dumps(p).encode() for p in ({"msg_type": kind, "msg_id": "1"}, {"msg_id": "cell"}, {}, content)]
    return [b"topic", b"<IDS|MSG>", hmac.new(key, b"".join(body), hashlib.sha256).hexdigest().encode(), *body]


class Pictures(unittest.TestCase):
    def test_a_line_becomes_a_picture_and_then_changes_it(self):
        pictures = kernel.Pictures(b"k")
        line = kernel.MARK + json.dumps({"id": "a", "data": {"text/plain": "x"}}) + "\n"
        kinds = []
        for _ in range(2):
            made = pictures.translate(frames("stream", {"name": "stdout", "text": line}))
            kinds.append(json.loads(made[3])["msg_type"])
            self.assertEqual(made[2], hmac.new(b"k", b"".join(made[3:7]), hashlib.sha256).hexdigest().encode())
            self.assertEqual(json.loads(made[6])["transient"], {"display_id": "a"})
        self.assertEqual(kinds, ["display_data", "update_display_data"])

    def test_everything_else_passes(self):
        pictures = kernel.Pictures(b"k")
        for content in ({"name": "stdout", "text": "x\n"}, {"name": "stdout", "text": kernel.MARK + "no json\n"}):
            self.assertEqual(pictures.translate(frames("stream", content)), frames("stream", content))
        self.assertEqual(pictures.translate(frames("status", {"a": 1})), frames("status", {"a": 1}))
        self.assertEqual(pictures.translate([b"odd"]), [b"odd"])


class Environment(unittest.TestCase):
    def test_what_cargo_run_adds_is_forgotten(self):
        kept = {"CARGO_HOME": "/c", "CARGO_PROFILE_DEV_DEBUG": "0", "PATH": "/bin"}
        added = {"CARGO_PKG_NAME": "infomax", "CARGO_MANIFEST_DIR": "/i", "OUT_DIR": "/o"}
        self.assertEqual(kernel.outside({**kept, **added}), kept)


@unittest.skipUnless(sys.platform.startswith("linux"), "needs /proc")
class Interrupts(unittest.TestCase):
    """A stand-in for the kernel starts a stand-in for what runs the cells, which is the same program."""

    def worker_ends_with(self, worker):
        parent = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); print(p.wait())"
        running = subprocess.Popen([sys.executable, "-c", parent, worker], stdout=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while not (found := kernel.children(running.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        kernel.interrupt(running.pid)
        self.assertEqual(len(found), 1)
        return int(running.communicate(timeout=20)[0])

    def test_a_loop_that_waits_is_asked(self):
        code = "import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(7)); time.sleep(20)"
        self.assertEqual(self.worker_ends_with(code), 7)

    def test_another_is_ended(self):
        code = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(20)"
        self.assertEqual(self.worker_ends_with(code), -signal.SIGKILL)

    def test_a_compilation_is_ended(self):
        with tempfile.TemporaryDirectory() as folder:
            compiler = Path(folder) / "compiler"
            compiler.symlink_to("/bin/sleep")
            parent = f"import subprocess; print(subprocess.Popen(['{compiler}', '20']).wait())"
            running = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
            time.sleep(1)
            kernel.interrupt(running.pid)
            self.assertEqual(int(running.communicate(timeout=20)[0]), -signal.SIGTERM)


class Folders(unittest.TestCase):
    def test_kernels_do_not_share_one(self):
        with tempfile.TemporaryDirectory() as home, mock.patch.dict(os.environ, INFOMAX_HOME=home):
            (first, one), (second, two) = kernel.own_folder(), kernel.own_folder()
            self.assertNotEqual(first, second)
            os.close(two)
            deps = first / "target" / "debug" / "deps"
            deps.mkdir(parents=True)
            for name in ("liba.rlib", "a.d", "libctx.so"):
                (deps / name).write_text(name)
            second, two = kernel.own_folder()
            taken = second / "target" / "debug" / "deps"
            self.assertEqual(sorted(p.name for p in taken.iterdir()), ["a.d", "liba.rlib"])
            self.assertTrue((taken / "liba.rlib").samefile(deps / "liba.rlib"))
            self.assertFalse((taken / "a.d").samefile(deps / "a.d"))
            os.close(one)
            self.assertEqual(kernel.own_folder()[0], first)
            os.close(two)

    def test_links_of_another_cargo_home_are_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            own, other, links = (Path(folder) / name for name in ("own", "other", "home/notebook/cargo-home"))
            for registry in (own / "registry", other / "registry", links / "bin"):
                registry.mkdir(parents=True)
            (links / "registry").symlink_to(own / "registry")
            home = str(Path(folder) / "home")
            for cargo, is_there, wanted in ((own, False, None), (own, True, links), (other, True, None)):
                if is_there:
                    (links / "bin" / "cargo").touch()
                with mock.patch.dict(os.environ, INFOMAX_HOME=home, CARGO_HOME=str(cargo)):
                    self.assertEqual(kernel.cargo_home(), wanted)


if __name__ == "__main__":
    unittest.main()
