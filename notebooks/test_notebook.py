"""Tests of notebook.py and kernel.py that need Jupyter and Python's own kernel, but no Rust.

  python3 -m unittest discover -s notebooks
"""
import contextlib
import hashlib
import hmac
import io
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
import compare  # noqa: E402
import kernel  # noqa: E402
import notebook  # noqa: E402


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


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def run_cells(self, *sources, arguments=(), name="python3"):
        """Exit code, what was printed, and the outputs that were written, if any."""
        import nbformat
        from nbformat.v4 import new_code_cell, new_notebook

        path, out = self.folder / "a.ipynb", self.folder / "out.ipynb"
        cells = [new_code_cell(source, metadata={"tags": tags}) for source, *tags in sources]
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": {"name": name, "display_name": name}}), path)
        before = path.read_bytes()
        code, said = self.main("run", str(path), "--out", str(out), *arguments)
        self.assertEqual(path.read_bytes(), before)
        return code, said, nbformat.read(out, as_version=4).cells if out.exists() else None

    def main(self, *arguments):
        said = io.StringIO()
        with (
            mock.patch.object(sys, "argv", ["notebook.py", *arguments]),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            return notebook.main(), said.getvalue()

    def test_parameters(self):
        from nbformat.v4 import new_code_cell, new_notebook

        cells = [new_code_cell("let n: u32 = 3;\nlet nn = 4;", metadata={"tags": tags}) for tags in (["parameters"], [])]
        notebook.parameters(new_notebook(cells=cells), ["n=5"])
        self.assertEqual([c.source for c in cells], ["let n: u32 = 5;\nlet nn = 4;", "let n: u32 = 3;\nlet nn = 4;"])
        code, said, _ = self.run_cells(("n = 3", "parameters"), arguments=["--set", "m=2"])
        self.assertEqual(code, 2)
        self.assertIn("has a line `let m = ...;`", said)

    def test_the_first_failure_ends_it(self):
        code, said, cells = self.run_cells(("1 + 1",), ("1 / 0",), ("print('never')",))
        self.assertEqual((code, cells[0].outputs[0].data["text/plain"], cells[2].outputs), (1, "2", []))
        self.assertIn("error: cell 2 of", said)
        self.assertIn("ZeroDivisionError", said)

    def test_a_failure_may_be_expected(self):
        self.assertEqual(self.run_cells(("1 / 0", "raises-exception"))[0], 0)
        code, said, _ = self.run_cells(("1", "raises-exception"))
        self.assertEqual(code, 1)
        self.assertIn("did not fail", said)

    def test_panics_and_question_marks_are_failures(self):
        panic = "import sys; print(\"thread 'main' panicked at src/lib.rs:1:1:\\nno\", file=sys.stderr)"
        code, said, _ = self.run_cells((panic,))
        self.assertEqual(code, 1)
        self.assertIn("it panicked", said)
        code, said, _ = self.run_cells(("import sys; print('bad', file=sys.stderr)  # ?",))
        self.assertEqual(code, 1)
        self.assertIn("ended it early", said)

    def test_a_cell_that_never_ends(self):
        code, said, _ = self.run_cells(("import time; time.sleep(60)",), arguments=["--timeout", "2"])
        self.assertEqual(code, 1)
        self.assertIn("longer than --timeout 2 s", said)

    def test_what_cannot_be_run(self):
        code, said, cells = self.run_cells(("1",), name="no-such-kernel")
        self.assertEqual((code, cells), (2, None))
        self.assertIn("there is no kernel 'no-such-kernel'", said)
        bad = self.folder / "bad.ipynb"
        for text, message in (("{", "no notebook"), ('{"cells": 3}', "no notebook"), (None, "No such file")):
            bad.write_text(text) if text else bad.unlink()
            code, said = self.main("run", str(bad))
            self.assertEqual(code, 2, said)
            self.assertIn(message, said)
            self.assertNotIn("Traceback", said)


class Compare(unittest.TestCase):
    def outputs(self, text):
        return [{"output_type": "stream", "name": "stdout", "text": text}]

    def test_numbers_may_differ_a_little(self):
        same = [("a 1.00\n", "a 1.02\n"), ("  3 s  row\n", " 12 s  row\n"), ("x  10", "x 10.1")]
        for before, after in same:
            self.assertEqual(compare.differences(self.outputs(before), self.outputs(after)), [])
        other = [("a 1.0", "a 1.2"), ("a", "b"), ("1 2", "1"), ("", "x")]
        for before, after in other:
            self.assertNotEqual(compare.differences(self.outputs(before), self.outputs(after)), [], before)
        self.assertNotEqual(compare.differences(self.outputs("a"), []), [])

    def test_pixels_are_those_of_another_decoder(self):
        import base64

        # 5 x 4 pixels in colour, each row by another filter, as PNG's specification defines them.
        rows = [[(40 * y + 17 * x + 70 * c) % 256 for x in range(5) for c in range(3)] for y in range(5)]
        raw, above = bytearray(), [0] * 15
        for way, row in enumerate(rows):
            raw.append(way)
            for i, value in enumerate(row):
                left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
                guess = [0, left, above[i], (left + above[i]) // 2, None][way]
                if guess is None:
                    p = left + above[i] - corner
                    guess = min([left, above[i], corner], key=lambda v: abs(p - v))
                raw.append((value - guess) % 256)
            above = row
        png = made_png(5, 5, raw)
        self.assertEqual(compare.pixels(png), ((5, 5), bytearray(v for row in rows for v in row)))
        show = lambda data: [{"output_type": "display_data", "data": {"image/png": base64.b64encode(data).decode()}}]  # noqa: E731
        other = made_png(5, 5, b"".join(b"\0" + bytes(15) for _ in range(5)))
        self.assertEqual(compare.differences(show(png), show(png)), [])
        self.assertIn("differ by", compare.differences(show(png), show(other))[0])
        self.assertIn("is now 5x4", compare.differences(show(png), show(made_png(5, 4, raw[:64])))[0])


def made_png(width, height, raw):
    import struct
    import zlib

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


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


if __name__ == "__main__":
    unittest.main()
