"""`python -m inference host | run | check | render`: the commands of this package; `wetread` starts them and never imports them.

Exit status 0 done, 1 failed, 2 wrong use. Imports of torch wait until they are needed: `--help` and a wrong path answer at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from inference.engine.failures import describe
from storage.base.clock import SystemClock
from storage.base.errors import InputError, ModelError, WetreadError
from storage.base.log import configure_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        return int(given.work(given))
    except KeyboardInterrupt:
        return 1
    except WetreadError as error:
        return _fail(error.message)
    except Exception as error:  # noqa: BLE001 - outermost: one line, and none of the data that a library's message may quote
        return _fail(describe(error).reason)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference", description="Model packages at work.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    host = commands.add_parser("host", help="serve one package to a dispatcher over an inherited socket")
    for option in ("--package", "--digest", "--blobs"):
        host.add_argument(option, required=True)
    host.add_argument("--fd", required=True, type=int)
    host.set_defaults(work=_host)
    run = commands.add_parser("run", help="one model on a folder or file of DICOM")
    run.add_argument("package", metavar="PACKAGE", help="a package's folder or the name of a shipped one")
    run.add_argument("input", metavar="INPUT", type=Path, help="a DICOM file, or a folder of them")
    run.add_argument("--out", metavar="DIR", type=Path, default=Path("wetread-out"), help="where results go (%(default)s)")
    run.add_argument("--series", metavar="[NAME=]UID", action="append", default=[], help="the series for an input")
    run.add_argument("--json", action="store_true", help="print one JSON document")
    run.set_defaults(work=_run)
    check = commands.add_parser("check", help="load a package, warm it up and run it on a synthetic volume")
    check.add_argument("package", metavar="PACKAGE", help="a package's folder or the name of a shipped one")
    check.add_argument("--json", action="store_true", help="print one JSON document")
    check.set_defaults(work=_check)
    render = commands.add_parser("render", help="a stored SR as text, a stored SEG over its source as a picture")
    for option in ("--sr", "--text", "--seg", "--source", "--picture"):
        render.add_argument(option, metavar="PATH", type=Path)
    render.set_defaults(work=_render)
    for command in (host, run, check):
        command.add_argument("--threads", metavar="N", type=_positive, default=2, help="processor threads (%(default)s)")
    return parser


def _host(given: argparse.Namespace) -> int:
    from inference.engine import host

    configure_logging(role="model-host")
    host.serve(given.fd, Path(given.package), given.digest, given.blobs, given.threads, SystemClock())
    return host.EXIT_NOT_LOADED


def _run(given: argparse.Namespace) -> int:
    package, wanted = _package(given.package), _wanted(given.series)
    if not given.input.exists():
        raise InputError(f"{given.input}: no such file or folder", code="no-input")
    from inference.engine.host import silence_libraries
    from inference.engine.loading import load_ready
    from inference.engine.offline import run_files
    from inference.engine.progress import Stages
    from inference.engine.summary import record_line

    silence_libraries()
    loaded = load_ready(package, given.threads)
    clock = SystemClock()
    stages = Stages(clock, _show if sys.stderr.isatty() else lambda stage, fraction: None, lambda: False)
    names = {name or loaded.manifest.reference_input.name: uid for name, uid in wanted.items()}
    finished = run_files(loaded, given.input, given.out, names, stages, clock)
    if given.json:
        listed = [{"role": item.role, "path": str(item.path), "size_bytes": item.size_bytes} for item in finished.written]
        told = {"results": listed, "measurements": finished.measurements, "timings_s": stages.timings_s}
        return _print_json({"model": loaded.manifest.name, **told})
    _clear_line()
    for record in finished.measurements:
        _print(record_line(record))
    for item in finished.written:
        _print(f"{item.role:<8} {item.path}  ({item.size_bytes} bytes)")
    return 0


def _check(given: argparse.Namespace) -> int:
    package = _package(given.package)
    from inference.engine.host import silence_libraries
    from inference.engine.loading import dry_run, load_ready
    from inference.engine.summary import package_summary

    silence_libraries()
    clock = SystemClock()
    begun_s = clock.monotonic_s()
    loaded = load_ready(package, given.threads)
    loaded_s = clock.monotonic_s()
    dry_run(loaded)
    seconds = {"load_s": round(loaded_s - begun_s, 3), "dry_run_s": round(clock.monotonic_s() - loaded_s, 3)}
    summary = package_summary(loaded, package) | seconds
    if given.json:
        return _print_json(summary)
    for key, value in summary.items():
        for line in value if isinstance(value, list) else [value]:
            _print(f"{key:<16} {line}")
            key = ""
    return 0


def _render(given: argparse.Namespace) -> int:
    from pydicom import dcmread

    from inference.report.pictures.render import picture_of
    from inference.report.text import render_text
    from inference.volume.read import read_files
    from inference.volume.scan import scan

    if given.sr and given.text:
        given.text.write_text(render_text(dcmread(given.sr)))
    if given.seg and given.source and given.picture:
        seg = dcmread(given.seg)
        found = scan(given.source).series.get(str(seg.ReferencedSeriesSequence[0].SeriesInstanceUID))
        given.picture.write_bytes(picture_of(seg, read_files(item.path for item in found) if found else []))
    return 0


def _package(text: str) -> Path:
    """A package's folder, or the shipped package of that name."""
    path = Path(text)
    if path.is_dir():
        return path
    shipped = Path(str(files("inference"))) / "bundles"
    if (shipped / text / "configs").is_dir() and path.name == text:
        return shipped / text
    names = sorted(entry.parent.name for entry in shipped.glob("*/configs"))
    raise ModelError(f"{text}: no such package; give a folder or one of: {', '.join(names) or '(none shipped)'}")


def _wanted(options: Sequence[str]) -> dict[str, str]:
    """``[NAME=]UID`` options; without a name, the reference is meant."""
    pairs = [option.rpartition("=") for option in options]
    return {name: uid for name, _, uid in pairs}


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1")
    return int(text)


def _show(stage: str, fraction: float) -> None:
    sys.stderr.write(f"\r\033[K{stage} {fraction:.0%}")
    sys.stderr.flush()


def _clear_line() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _print_json(document: object) -> int:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0


def _fail(reason: str) -> int:
    _clear_line()
    sys.stderr.write(f"wetread: {reason}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
