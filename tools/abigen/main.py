# SPDX-License-Identifier: MIT
"""The command line of abigen."""

import argparse
import sys
from pathlib import Path

from . import (emit_abi, emit_docs, emit_grammar, emit_kernel, emit_linux, emit_linux_docs,
               emit_proto, emit_proto_docs, emit_user, published)
from .emit import write_changed, write_tree
from .load import load
from .model import Abi
from .reader import AbiError

ROOT = Path(__file__).resolve().parents[2]


def reference(abi: Abi) -> dict[str, str]:
    return emit_docs.pages(abi) | emit_proto_docs.pages(abi) | emit_linux_docs.pages(abi.linux)


def generate(abi: Abi) -> dict[str, str]:
    """Every output of --out, by its path."""
    docs = {f"docs/reference/{name}": text for name, text in reference(abi).items()}
    return (emit_abi.outputs(abi) | emit_kernel.outputs(abi) | emit_user.outputs(abi)
            | emit_grammar.outputs(abi) | emit_proto.outputs(abi)
            | emit_linux.outputs(abi.linux) | docs)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="abigen.py", description="Generates from abi/ what the "
                                     "kernel, the libraries, the manual and the fuzzers share.")
    parser.add_argument("--abi", type=Path, default=ROOT / "abi", metavar="DIR",
                        help="the data (default: abi/ of this tree)")
    parser.add_argument("--out", type=Path, metavar="DIR",
                        help="write everything generated below DIR")
    parser.add_argument("--docs", type=Path, metavar="DIR", help="write the reference pages to DIR")
    parser.add_argument("--check-docs", type=Path, metavar="DIR",
                        help="fail when the pages in DIR are not those of the data")
    parser.add_argument("--publish", action="store_true",
                        help="promise to keep all present numbers (abi/published.txt)")
    return parser.parse_args(arguments)


def write_docs(abi: Abi, folder: Path) -> None:
    wanted = reference(abi)
    write_changed(folder, wanted)
    for name in emit_docs.stale(folder, wanted):
        (folder / name).unlink()


def run(arguments: list[str]) -> int:
    options = parse(arguments)
    abi = load(options.abi)
    published.check(abi, options.abi)
    if options.publish:
        published.publish(abi, options.abi)
    if options.out:
        write_tree(options.out, generate(abi))
    if options.docs:
        write_docs(abi, options.docs)
    if options.check_docs:
        wrong = emit_docs.differences(options.check_docs, reference(abi))
        for line in wrong:
            print(f"abigen: {options.check_docs}: {line}", file=sys.stderr)
        if wrong:
            print(f"abigen: run tools/abigen.py --docs {options.check_docs}", file=sys.stderr)
            return 1
    return 0


def main() -> int:
    try:
        return run(sys.argv[1:])
    except AbiError as error:
        print(f"abigen: {error}", file=sys.stderr)
        return 1
