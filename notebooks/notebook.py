#!/usr/bin/env python3
"""Notebooks without a browser, and a kernel that starts warm.

  notebooks/notebook.py setup             what is here and what is missing, and how to get it
  notebooks/notebook.py setup --write     also installs the kernel "infomax (Rust)", after showing what it writes
  notebooks/notebook.py warm [--light]    compiles what notebooks need, so that their first cells take seconds
  notebooks/notebook.py run FILE.ipynb... [--set name=value] [--out FILE] [--check] [--timeout S] [--kernel NAME]

`run` executes the cells one after the other and prints what each took. It stops at the first that fails, with the
compiler's message. The input file is never touched; --out gets the notebook with its outputs, also after a failure.
`--set name=value` changes the line `let name = ...;` of the cell that has the tag `parameters`. `--check` compares the
outputs with those in the file (compare.py). `--all` takes the numbered notebooks beside this file.

The kernel "infomax (Rust)" is in kernel.py.

Exit codes: 0 done, 1 a cell failed or took too long, 2 wrong usage, a notebook that cannot be read, or no kernel.
"""
import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from compare import ANSI, differences
from kernel import NoKernel, evcxr, kernel

KERNEL = "infomax"
PANIC = re.compile(r"^thread .* panicked at ", re.MULTILINE)


class Wrong(Exception):
    """What cannot be done, in one line."""


def spec():
    """The kernel's description for Jupyter."""
    return {
        "argv": [sys.executable, str(Path(__file__).resolve()), "kernel", "{connection_file}"],
        "display_name": "infomax (Rust)",
        "language": "rust",
        "interrupt_mode": "signal" if sys.platform.startswith("linux") else "message",
    }


def setup(write):
    """Says what is missing; installs the kernel's description when told to."""
    missing = []
    have = {"cargo": shutil.which("cargo"), "evcxr_jupyter": evcxr()}
    try:
        import jupyter_client.kernelspec
        import nbclient

        have["jupyter_client, nbclient"] = f"{jupyter_client.__version__}, {nbclient.__version__}"
        kernels = jupyter_client.kernelspec.KernelSpecManager().find_kernel_specs()
        have[f"kernel {KERNEL}"] = kernels.get(KERNEL)
    except ImportError:
        have["jupyter_client, nbclient"] = None
    how = {
        "cargo": "install Rust: https://rustup.rs",
        "evcxr_jupyter": "cargo install evcxr_jupyter --locked      (some 10 minutes on two cores)",
        "jupyter_client, nbclient": f"{sys.executable} -m pip install jupyter",
        f"kernel {KERNEL}": f"{sys.executable} {Path(__file__)} setup --write",
    }
    for name, found in have.items():
        print(f"{name:<26}{found or 'missing'}")
        if not found:
            missing.append(how[name])
    if have["jupyter_client, nbclient"] and write:
        text = json.dumps(spec(), indent=2)
        print(f"\nkernel.json:\n{text}\n")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "kernel.json").write_text(text + "\n")
            manager = jupyter_client.kernelspec.KernelSpecManager()
            print("written to", manager.install_kernel_spec(folder, KERNEL, user=sys.prefix == sys.base_prefix,
                                                            prefix=None if sys.prefix == sys.base_prefix else sys.prefix))
        missing = [m for m in missing if m != how[f"kernel {KERNEL}"]]
    if missing:
        print("\nMissing. In this order:")
        print("\n".join(f"  {m}" for m in missing))
        return 1
    print(f'\nAll is here. Next: {sys.executable} {Path(__file__)} warm (minutes, once), then: jupyter lab {Path(__file__).parent}')
    return 0


def parameters(notebook, settings):
    """Replaces `let name = ...;` in the cell with the tag `parameters`."""
    cells = [c for c in notebook.cells if c.cell_type == "code" and "parameters" in c.metadata.get("tags", [])]
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise Wrong(f"--set {setting}: it is name=value")
        line = re.compile(rf"^(let (?:mut )?{name}\b[^=\n]*= ?)[^\n]*;", re.MULTILINE)
        done = 0
        for cell in cells:
            cell.source, times = line.subn(lambda m: f"{m.group(1)}{value};", cell.source)
            done += times
        if done == 0:
            raise Wrong(f"--set {setting}: no cell with the tag `parameters` has a line `let {name} = ...;`")


def first_line(cell):
    lines = [line for line in cell.source.splitlines() if line.strip()]
    return lines[0][:70] if lines else ""


def printed(cell):
    """The text that a cell's outputs hold."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.text
        elif output.output_type == "error":
            yield "\n".join(output.traceback)
        elif "data" in output:
            kinds = [k for k in output.data if k != "text/plain"]
            yield output.data.get("text/plain", "") + (f"   [{', '.join(kinds)}]" if kinds else "")


def read(path):
    """A notebook from a file."""
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError as e:
        raise Wrong(f"{path}: {e.strerror}") from e
    except Exception as e:
        raise Wrong(f"{path}: this is no notebook: {str(e).splitlines()[0]}") from e
    return notebook


def run(args):
    """Executes notebooks, one after the other."""
    here = Path(__file__).parent
    paths = sorted(here.glob("[0-9]*.ipynb")) if args.all else [Path(file) for file in args.files]
    if not paths or (args.all and args.files):
        raise Wrong("name the notebooks, or give --all for those in " + str(here))
    if len(paths) > 1 and args.out and not Path(args.out).is_dir():
        raise Wrong(f"--out {args.out}: with several notebooks it is a folder")
    worst = 0
    for path in paths:
        notebook = read(path)
        parameters(notebook, args.set or [])
        before = [list(c.get("outputs", [])) for c in notebook.cells]
        failed = execute(notebook, path, args)
        if args.check and not failed:
            for number, (cell, old) in enumerate(zip(notebook.cells, before)):
                for words in differences(old, cell.get("outputs", [])):
                    failed = True
                    print(f"error: {path}, cell {number} ({first_line(cell)}): {words}", file=sys.stderr)
        if args.out:
            out = Path(args.out)
            write(notebook, out / path.name if out.is_dir() else out)
        worst = max(worst, int(failed))
    return worst


def write(notebook, out):
    import nbformat

    beside = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    nbformat.write(notebook, beside)
    beside.replace(out)


def execute(notebook, path, args):
    """Fills in the outputs; says what each cell took and what failed. True when something did."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from nbclient import NotebookClient

    name = args.kernel or notebook.metadata.get("kernelspec", {}).get("name", KERNEL)
    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel as e:
        raise Wrong(f"there is no kernel {name!r}: see {Path(__file__).name} setup") from e
    if name == KERNEL and not evcxr():
        raise NoKernel(f"evcxr_jupyter is not installed: see {Path(__file__).name} setup")
    # A cell may wait for a first compilation; the limit is each cell's own.
    client = NotebookClient(notebook, timeout=args.timeout, kernel_name=name, interrupt_on_timeout=False,
                            resources={"metadata": {"path": str(path.resolve().parent)}}, allow_errors=False, record_timing=False)
    failed = None
    code = [(i, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code" and c.source.strip()]
    for _, cell in code:
        cell.outputs, cell.execution_count = [], None
    began = time.monotonic()
    with client.setup_kernel():
        print(f"{path.name}: kernel {name} ready after {time.monotonic() - began:.1f} s", flush=True)
        for number, (index, cell) in enumerate(code, 1):
            start = time.monotonic()
            failed = execute_cell(client, cell, index, number, args.timeout)
            # What a build prints is not part of what a notebook shows.
            if not failed and ":dep" in cell.source:
                cell.outputs = [o for o in cell.outputs if not (o.output_type == "stream" and o.name == "stderr")]
            print(f"[{number}/{len(code)}] {time.monotonic() - start:6.1f} s  {first_line(cell)}", flush=True)
            if args.verbose or failed:
                text = ANSI.sub("", "\n".join(printed(cell))).rstrip()
                print("\n".join("        " + line for line in text.splitlines()), flush=True)
            if failed:
                print(f"error: cell {number} of {path}: {failed}\n{cell.source}", file=sys.stderr)
                break
    print(f"{time.monotonic() - began:.1f} s", flush=True)
    return bool(failed)


def execute_cell(client, cell, index, number, timeout):
    """What is wrong with a cell, after it was executed."""
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    try:
        client.execute_cell(cell, index, execution_count=number)
    except CellTimeoutError:
        return f"it took longer than --timeout {timeout} s"
    except CellExecutionError:
        return "it failed"
    except DeadKernelError:
        return "the kernel died"
    streams = [o for o in cell.outputs if o.output_type == "stream"]
    # The kernel counts a cell that panicked as done.
    if any(PANIC.search(o.text) for o in streams):
        return "it panicked"
    # Nor does it say that a `?` ended one early, but that the error is on stderr; `:dep` puts the build there.
    said = any(o.name == "stderr" and o.text.strip() for o in streams)
    if said and "?" in cell.source and ":dep" not in cell.source:
        return "a `?` ended it early"
    expected = "raises-exception" in cell.metadata.get("tags", [])
    if expected and not any(o.output_type == "error" for o in cell.outputs):
        return "it has the tag `raises-exception` but did not fail"
    return None


def warm(args):
    """Compiles what the notebooks need, so that their first cells take seconds."""
    from nbformat.v4 import new_code_cell, new_notebook

    here = Path(__file__).parent
    for folder in ["lib"] if args.light else ["lib", "lib-data"]:
        package = "infomax-notebook" + folder.removeprefix("lib")
        dep = f':dep infomax = {{ path = "{folder}", package = "{package}" }}\nuse infomax::notebook::prelude::*;'
        # A cell that does not compile is checked by a second way of compiling, which has libraries of its own.
        wrong = new_code_cell('let a_mistake: u8 = "";', metadata={"tags": ["raises-exception"]})
        notebook = new_notebook(cells=[new_code_cell(dep), new_code_cell("let noise = Cpu::seed_from_u64(0);"), wrong])
        if execute(notebook, here / f"warm {folder}", args):
            return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("setup", help="what is here and what is missing")
    verb.add_argument("--write", action="store_true", help="install the kernel's description")
    verb = verbs.add_parser("run", help="execute a notebook")
    verb.add_argument("files", nargs="*", metavar="FILE")
    verb.add_argument("--all", action="store_true", help="all numbered notebooks")
    verb.add_argument("--set", action="append", metavar="NAME=VALUE", help="change a parameter")
    verb.add_argument("--out", help="write the notebook with its outputs here; a folder for several")
    verb.add_argument("--check", action="store_true", help="compare the outputs with the file's")
    verb.add_argument("--timeout", type=int, default=1200, metavar="S", help="seconds a cell may take (default 1200)")
    verb.add_argument("--kernel", help="the kernel's name (default: the notebook's own)")
    verb.add_argument("-v", "--verbose", action="store_true", help="print what cells print")
    verb = verbs.add_parser("warm", help="compile what notebooks need")
    verb.add_argument("--light", action="store_true", help="without data sets (no polars)")
    verb.set_defaults(timeout=3600, kernel=KERNEL, verbose=False)
    verbs.add_parser("kernel").add_argument("control_file")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        if args.verb == "setup":
            return setup(args.write)
        if args.verb == "kernel":
            return kernel(args.control_file)
        try:
            import nbclient  # noqa: F401
        except ImportError as e:
            raise Wrong(f"{e.name} is missing: {sys.executable} -m pip install jupyter") from e
        return warm(args) if args.verb == "warm" else run(args)
    except (Wrong, NoKernel) as e:
        print(f"error: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
