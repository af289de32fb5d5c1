# SPDX-License-Identifier: MIT
"""The C that abigen writes: both compilers take it, and it does what it says."""

from pathlib import Path

import pytest
from abigen_support import DATA, ROOT, compile_to, includes, run_program

from abigen.emit_kernel import made_names, prototype
from abigen.load import load
from abigen.model import Abi, Arg, Call
from abigen.types import ARG_TYPES

C = DATA.parent / "c"
FAKE = C / "fake_kernel"
REGISTERS = 6


@pytest.fixture(params=["sample", "real"])
def tree(request: pytest.FixtureRequest) -> tuple[Path, Path, Abi]:
    """Folder of the data, folder of what it makes, and the data as loaded."""
    gen = request.getfixturevalue(f"{request.param}_gen")
    abi = request.getfixturevalue("sample_abi") if request.param == "sample" else ROOT / "abi"
    return abi, gen, load(abi)


def test_everything_compiles_alone(tree: tuple, compiler: str, tmp_path: Path) -> None:
    folder, gen, abi = tree
    write_fakes(abi, tmp_path)
    sources = sorted(gen.rglob("*.c"))
    for index, header in enumerate(sorted(gen.rglob("*.h"))):
        # Twice: a header guards itself. The function uses what a header may leave unused.
        path = tmp_path / f"header{index}.c"
        path.write_text(f'#include "{header}"\n#include "{header}"\n')
        sources.append(path)
    assert len(sources) > 12
    for source in sources:
        compile_to(tmp_path / "x.o", compiler, "-c", "-ffreestanding", "-mgeneral-regs-only",
                   *includes(gen, folder, FAKE, tmp_path), source)


def number(arg: Arg, index: int) -> int:
    """A value that is proper for the argument and unlike its neighbours'."""
    if arg.type == "flags":
        return 0
    if ARG_TYPES[arg.type].signed:
        return -3 - index
    return 0x11 + index if ARG_TYPES[arg.type].bits == 32 else 0x1_0000_0011 + index


def c_number(value: int) -> str:
    return f"0x{value & 0xFFFF_FFFF_FFFF_FFFF:x}u"


def proper(arg: Arg, index: int) -> str:
    """The same in C, within the range that the data gives."""
    if arg.align:
        return f"{arg.align} * {0x11 + index}ul"
    if arg.max:
        return f"({arg.max}) - {index}u"
    return c_number(number(arg, index))


def spoiled(abi: Abi, arg: Arg) -> list[tuple[str, str]]:
    """Register contents that the dispatch must refuse for this argument, and how."""
    kind, found = ARG_TYPES[arg.type], []
    if arg.type == "flags":
        mask = abi.set_named(arg.set).mask
        unknown = next(1 << bit for bit in range(33) if not mask >> bit & 1)
        found = [unknown, mask | unknown, 1 << 32, 1 << 63]
        found += [value.mask for value in abi.set_named(arg.set).values
                  if arg.only and value.name not in arg.only]
    elif kind.bits == 32:
        found = ([0xFFFF_FFFF] if kind.signed else []) + [1 << 32, 1 << 63]
    found = [(c_number(value), "ERR_INVALID_ARGUMENT") for value in found]
    if arg.mask:
        found.append((f"(uint32_t)~({arg.mask})", "ERR_INVALID_ARGUMENT"))
    if arg.align:
        found.append((f"({arg.align}) + 1ul", "ERR_INVALID_ARGUMENT"))
    if arg.nonzero:
        found.append(("0", "ERR_INVALID_ARGUMENT"))
    if arg.min:
        found.append((f"({arg.min}) - 1ul", "ERR_OUT_OF_RANGE"))
    if arg.max:
        found.append((f"({arg.max}) + 1ul", "ERR_OUT_OF_RANGE"))
    if arg.looked_up:
        found.append(("BAD_HANDLE_VALUE", "ERR_BAD_HANDLE"))
    if arg.record and arg.type != "out" and not arg.optional:
        found.append(("0", "ERR_FAULT"))
    return found


def handler_name(call: Call) -> str:
    return call.handler or f"sys_{call.name}"


def handler_prototype(abi: Abi, call: Call) -> str:
    return prototype(abi, call).replace(f"sys_{call.name}(", f"{handler_name(call)}(").rstrip(";")


def write_fakes(abi: Abi, folder: Path) -> None:
    """What the fake kernel has to offer for this data."""
    objects = [f"FAKE_OBJECT({each.name}, {each.struct})\n" for each in abi.objects if each.struct]
    structs = [f"struct {each.struct};\n" for each in abi.objects if each.struct]
    shared = [handler_prototype(abi, call) + ";\n" for call in abi.calls if call.handler]
    headers = [f"#include <{name}>\n" for name in sorted(set(abi.structs.values()))]
    (folder / "fake_handlers.h").write_text("".join(headers + structs + objects + shared))


def note(abi: Abi, arg: Arg, index: int) -> str:
    """How a handler notes one argument: as the register that it came from."""
    if arg.record:
        notes = []
        if not arg.optional:
            notes.append(f"wrong |= {arg.name} == NULL;")
        if arg.type != "out":
            absent = f"{arg.name} == NULL ? 0 : " if arg.optional else ""
            notes.append(f"seen[{index}] = {absent}noted.in[0];")
        if arg.type != "in":
            notes.append(f"out_slot[out_slots++] = {index};")
        return "".join(f"    {each}\n" for each in notes)
    if arg.looked_up:
        wanted = f"OBJECT_{arg.object.upper() if arg.object else 'NONE'}"
        check = f"    check_lookup({arg.name}, {wanted}, {abi.right_mask(arg.rights)}u);\n"
        if arg.optional or arg.own:
            none = "SELF_ADDRESS" if arg.own else "0"
            check = f"    if ((uintptr_t){arg.name} != {none}) {{\n{check}    }}\n"
        carried = f"    wrong |= {arg.name}_rights != RIGHTS_CARRIED;\n" if arg.carried else ""
        return f"    seen[{index}] = (uintptr_t){arg.name};\n{check}{carried}"
    if arg.progress:
        return f"    seen[{index}] = (*{arg.name})--;\n"
    if ARG_TYPES[arg.type].signed:
        return f"    seen[{index}] = (uint64_t)(int64_t){arg.name};\n"
    return f"    seen[{index}] = {arg.name};\n"


def result_of(call: Call) -> str:
    """What the dispatch gives when all goes well; of a size to be worked off 1 is done."""
    return "STEP_MADE" if any(arg.progress for arg in call.args) else str(1000 + call.number)


def handler(abi: Abi, call: Call) -> str:
    """A handler that notes its arguments, sign-extended where they are signed."""
    notes = "".join(note(abi, arg, index) for index, arg in enumerate(call.args))
    for name in call.gives + ("provider",) * bool(call.makes):
        notes += f"    wrong |= (uintptr_t){name} != SELF_ADDRESS;\n"
    result = result_of(call)
    if call.makes:
        values = (f"(void *)(uintptr_t){result}", "NULL")
        notes += "".join(f"    *{name} = {value};\n"
                         for name, value in zip(made_names(call), values))
    done = "OK" if call.makes or result == "STEP_MADE" else result
    return f"{handler_prototype(abi, call)} {{\n{notes}    return {done};\n}}\n"


def dispatch_row(number_text: str, values: list[str], wanted: str, seen: list[str]) -> str:
    padded = ["{" + ", ".join(each + ["0"] * (REGISTERS - len(each))) + "}"
              for each in (values, seen)]
    return f"    {{{number_text}, {padded[0]}, {wanted}, {padded[1]}}},\n"


def dispatch_rows(abi: Abi, call: Call) -> list[str]:
    number_text, done = str(call.number), result_of(call)
    good = [proper(arg, index) for index, arg in enumerate(call.args)]
    rows = [dispatch_row(number_text, good, done, good)]
    for index, arg in enumerate(call.args):
        def changed(value: str, place: int = index) -> list[str]:
            return good[:place] + [value] + good[place + 1:]

        if arg.type == "flags" and not arg.only:
            full = changed(c_number(abi.set_named(arg.set).mask))
            rows.append(dispatch_row(number_text, full, done, full))
        if arg.optional and (arg.looked_up or (arg.record and arg.type != "out")):
            rows.append(dispatch_row(number_text, changed("0"), done, changed("0")))
        if arg.own:
            rows.append(dispatch_row(number_text, changed("0"), done, changed("SELF_ADDRESS")))
        if arg.record and arg.type == "out":
            rows.append(dispatch_row(number_text, changed("0"), "ERR_FAULT", changed("0")))
        for bad, status in spoiled(abi, arg):
            rows.append(dispatch_row(number_text, changed(bad), status, []))
    return rows


def test_dispatch_passes_good_and_refuses_bad(tree: tuple, compiler: str, tmp_path: Path) -> None:
    folder, gen, abi = tree
    rows = [row for call in abi.calls for row in dispatch_rows(abi, call)]
    used = {call.number for call in abi.calls}
    unused = [each for each in range(max(used) + 3) if each not in used]
    rows += [dispatch_row(c_number(each), [], "ERR_NO_SUCH_CALL", [])
             for each in unused + [1 << 31 | 1, 1 << 32 | 1, (1 << 64) - 1]]
    write_fakes(abi, tmp_path)
    (tmp_path / "cases.h").write_text("".join(rows))
    (tmp_path / "handlers.h").write_text("\n".join(handler(abi, call) for call in abi.calls))
    compile_to(tmp_path / "test", compiler, *includes(gen, folder, FAKE, tmp_path),
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
