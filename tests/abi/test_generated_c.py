# SPDX-License-Identifier: MIT
"""The C that abigen writes: both compilers take it, and it does what it says."""

from pathlib import Path

import pytest
from abigen_support import DATA, ROOT, compile_to, includes, run_program

from abigen.load import load
from abigen.model import Abi, Arg, Call
from abigen.types import ARG_TYPES, kernel_parameter

C = DATA.parent / "c"
REGISTERS = 6


@pytest.fixture(params=["sample", "real"])
def tree(request: pytest.FixtureRequest) -> tuple[Path, Path, Abi]:
    """Folder of the data, folder of what it makes, and the data as loaded."""
    gen = request.getfixturevalue(f"{request.param}_gen")
    abi = request.getfixturevalue("sample_abi") if request.param == "sample" else ROOT / "abi"
    return abi, gen, load(abi)


def test_everything_compiles_alone(tree: tuple, compiler: str, tmp_path: Path) -> None:
    folder, gen, _ = tree
    sources = sorted(gen.rglob("*.c"))
    for index, header in enumerate(sorted(gen.rglob("*.h"))):
        # Twice: a header guards itself. The function uses what a header may leave unused.
        path = tmp_path / f"header{index}.c"
        path.write_text(f'#include "{header}"\n#include "{header}"\n')
        sources.append(path)
    assert len(sources) > 12
    for source in sources:
        compile_to(tmp_path / "x.o", compiler, "-c", "-ffreestanding", "-mgeneral-regs-only",
                   *includes(gen, folder), source)


def number(arg: Arg, index: int) -> int:
    """A value that is proper for the argument and unlike its neighbours'."""
    if arg.type == "flags":
        return 0
    if ARG_TYPES[arg.type].signed:
        return -3 - index
    return 0x11 + index if ARG_TYPES[arg.type].bits == 32 else 0x1_0000_0011 + index


def spoiled(abi: Abi, arg: Arg) -> list[int]:
    """Register contents that the dispatch must refuse for this argument."""
    if arg.type == "flags":
        mask = abi.set_named(arg.set).mask
        unknown = next(1 << bit for bit in range(33) if not mask >> bit & 1)
        return [unknown, mask | unknown, 1 << 32, 1 << 63]
    if ARG_TYPES[arg.type].bits == 64:
        return []
    return [1 << 32, 1 << 63] if not ARG_TYPES[arg.type].signed else [0xFFFF_FFFF, 1 << 32, 1 << 63]


def c_number(value: int) -> str:
    return f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:x}u"


def handler(call: Call) -> str:
    """A handler that notes its arguments, sign-extended where they are signed."""
    parameters = ", ".join(kernel_parameter(arg) for arg in call.args) or "void"
    notes = "".join(f"    seen[{index}] = (uint64_t)(int64_t){arg.name};\n"
                    if ARG_TYPES[arg.type].signed else f"    seen[{index}] = {arg.name};\n"
                    for index, arg in enumerate(call.args))
    return (f"int64_t sys_{call.name}({parameters}) {{\n"
            f"{notes}    return {1000 + call.number};\n}}\n")


def dispatch_row(number_text: str, values: list[int], wanted: str, seen: int) -> str:
    padded = [c_number(value) for value in values + [0] * (REGISTERS - len(values))]
    return f"    {{{number_text}, {{{', '.join(padded)}}}, {wanted}, {seen}}},\n"


def dispatch_rows(abi: Abi, call: Call) -> list[str]:
    good = [number(arg, index) for index, arg in enumerate(call.args)]
    rows = [dispatch_row(str(call.number), good, str(1000 + call.number), len(good))]
    for index, arg in enumerate(call.args):
        if arg.type == "flags":
            full = good[:index] + [abi.set_named(arg.set).mask] + good[index + 1:]
            rows.append(dispatch_row(str(call.number), full, str(1000 + call.number), len(good)))
        for bad in spoiled(abi, arg):
            values = good[:index] + [bad] + good[index + 1:]
            rows.append(dispatch_row(str(call.number), values, "ERR_INVALID_ARGUMENT", 0))
    return rows


def test_dispatch_passes_good_and_refuses_bad(tree: tuple, compiler: str, tmp_path: Path) -> None:
    folder, gen, abi = tree
    rows = [row for call in abi.calls for row in dispatch_rows(abi, call)]
    used = {call.number for call in abi.calls}
    unused = [each for each in range(max(used) + 3) if each not in used]
    rows += [dispatch_row(c_number(each), [], "ERR_NO_SUCH_CALL", 0)
             for each in unused + [1 << 31 | 1, 1 << 32 | 1, (1 << 64) - 1]]
    (tmp_path / "cases.h").write_text("".join(rows))
    (tmp_path / "handlers.h").write_text("\n".join(handler(call) for call in abi.calls))
    compile_to(tmp_path / "test", compiler, *includes(gen, folder, tmp_path),
               "-fsanitize=undefined", C / "dispatch.c", gen / "kernel" / "syscall_dispatch.c")
    assert run_program(tmp_path / "test") == f"{len(rows)} cases\n"


def test_stubs_load_the_registers(tree: tuple, compiler: str, tmp_path: Path) -> None:
    folder, gen, abi = tree
    rows = []
    for call in abi.calls:
        values = [number(arg, index) for index, arg in enumerate(call.args)]
        args = ", ".join(f"(void *){c_number(value)}" if arg.of else f"({ARG_TYPES[arg.type].user})"
                         f"{c_number(value)}" for arg, value in zip(call.args, values))
        if not call.noreturn:
            # A 32-bit register is loaded as such: its upper half must be the sign or zero.
            listed = ", ".join(c_number(value) for value in values) or "0"
            rows.append(f"    CHECK({call.number}, {len(values)}, sys_{call.name}({args}), "
                        f"{listed});\n")
    (tmp_path / "cases.h").write_text("".join(rows))
    compile_to(tmp_path / "test", compiler, *includes(gen, folder, tmp_path), C / "stubs.c")
    said = run_program(tmp_path / "test")
    if said == "skip\n":
        pytest.skip("this host cannot catch system calls")
    assert said == f"{len(rows)} calls\n"


def test_names(tree: tuple, compiler: str, tmp_path: Path) -> None:
    folder, gen, abi = tree
    checks = [f'    same(status_name(ERR_{each.name}), "{each.name}");\n' for each in abi.statuses]
    checks += [f'    same(object_type_name(OBJECT_{each.name.upper()}), "{each.name}");\n'
               for each in abi.objects]
    checks += [f'    same(call_name({call.constant}), "{call.name}");\n' for call in abi.calls]
    (tmp_path / "cases.h").write_text("".join(checks))
    compile_to(tmp_path / "test", compiler, "-fsanitize=address,undefined",
               *includes(gen, folder, tmp_path), C / "names.c", gen / "lib" / "sys" / "names.c")
    run_program(tmp_path / "test")


def test_grammar_tells_sizes_and_masks(sample_abi: Path, sample_gen: Path, compiler: str,
                                       tmp_path: Path) -> None:
    compile_to(tmp_path / "test", compiler, *includes(sample_gen, sample_abi), C / "grammar.c")
    run_program(tmp_path / "test")


def test_bank_end_to_end(sample_abi: Path, sample_gen: Path, compiler: str,
                         tmp_path: Path) -> None:
    """Client stubs and server dispatch of one protocol, with the kernel between them faked."""
    proto = sample_gen / "lib" / "proto"
    compile_to(tmp_path / "test", compiler, *includes(sample_gen, sample_abi, C / "fake"),
               "-fsanitize=undefined", "-pthread", C / "bank.c", C / "bank_server.c",
               *sorted(proto.glob("*.c")))
    run_program(tmp_path / "test")
