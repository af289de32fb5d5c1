# SPDX-License-Identifier: MIT
"""The reference pages: calls by group, objects with rights and signals, status codes, an index."""

from pathlib import Path

from .emit import MARK, call_text
from .emit_abi import CALLS, OBJECTS, STATUS
from .emit_user import needs
from .model import Abi, Arg, Call, ConstantSet, Group, Named
from .types import RETURN_TYPES, user_parameter


def page(title: str, *sources: str) -> str:
    return f"# {title}\n\n<!-- {MARK} {', '.join(sources)}. Do not edit. -->\n\n"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; nothing for no rows."""
    if not rows:
        return ""
    lines = [head, tuple("---" for _ in head)] + rows
    return "".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row)
                   + " |\n" for row in lines) + "\n"


def error_link(name: str) -> str:
    return f"[{name}](status.md#{name.lower()})"


def error_table(errors: dict[str, str]) -> str:
    return table(("error", "when"), [(error_link(name), text) for name, text in errors.items()])


def arg_meaning(abi: Abi, arg: Arg) -> str:
    parts = [arg.doc]
    if needs(arg):
        parts.append(f"({needs(arg)})")
    if arg.set:
        prefix = abi.set_named(arg.set).prefix
        parts.append(f"([{prefix}_](objects.md#{arg.set}))")
    if arg.length:
        parts.append(f"(`{arg.length}` {'bytes' if arg.of == 'bytes' else 'elements'})")
    return " ".join(parts)


def arg_type(arg: Arg) -> str:
    return f"{arg.type} {arg.of}" if arg.of else arg.type


def signature(call: Call) -> str:
    result = "status_t" if call.returns == "status" else "int64_t"
    opening = f"{'_Noreturn void' if call.noreturn else result} sys_{call.name}"
    return call_text(opening, [user_parameter(arg) for arg in call.args] or ["void"], ";")


def returns_line(call: Call) -> str:
    if call.noreturn:
        return "Does not return."
    if call.returns == "status":
        return f"Returns 0{f' ({call.returns_doc})' if call.returns_doc else ''} or an error."
    if call.returns == "handle_pair":
        return f"Returns {call.returns_doc} ({RETURN_TYPES['handle_pair']}), or an error."
    return f"Returns {call.returns_doc}, or an error."


def call_section(abi: Abi, call: Call) -> str:
    args = [(f"`{arg.name}`", arg_type(arg), arg_meaning(abi, arg)) for arg in call.args]
    blocks = " May block." if call.may_block else ""
    doc = f"{call.doc}\n\n" if call.doc else ""
    return (f"## {call.name}\n\n{call.summary}\n\n"
            f"```c\n{signature(call)}  // call {call.number}\n```\n\n"
            + table(("argument", "type", "meaning"), args)
            + f"{returns_line(call)}{blocks}\n\n" + error_table(call.errors) + doc)


def group_page(abi: Abi, group: Group) -> str:
    calls = [call for call in abi.calls if call.group == group.name]
    index = "".join(f"- [{call.name}](#{call.name}): {call.summary}\n" for call in calls)
    body = "".join(call_section(abi, call) for call in calls)
    return (page(f"Calls: {group.name}", CALLS)
            + f"{group.doc}\n\n{index}\nWhat holds for all calls is in the [index](README.md).\n\n"
            + body).rstrip("\n") + "\n"


def set_section(each: ConstantSet) -> str:
    rows = [(f"{each.prefix}_{value.name}", f"bit {value.value}" if each.bits else str(value.value),
             value.doc) for value in each.values]
    doc = f"{each.doc}\n\n" if each.doc else ""
    return f"### {each.name}\n\n{doc}" + table(("constant", "value", "meaning"), rows)


def signal_rows(prefix: str, signals: tuple[Named, ...]) -> list[tuple[str, ...]]:
    return [(f"{prefix}_{signal.name}", str(signal.value), signal.doc) for signal in signals]


def objects_page(abi: Abi) -> str:
    rights = [(right.name, str(right.value), right.doc) for right in abi.rights]
    objects = ""
    for each in abi.objects:
        objects += (f"### {each.name}\n\n{each.doc}\n\n"
                    f"OBJECT_{each.name.upper()} is {each.number}. "
                    f"Rights: {', '.join(each.rights) or 'none'}.\n\n"
                    + table(("signal", "bit", "meaning"),
                            signal_rows(f"SIGNAL_{each.name.upper()}", each.signals)))
    sets = "".join(set_section(each) for each in abi.sets)
    return (page("Objects, rights, signals, flags", OBJECTS)
            + "## Rights\n\nA handle carries rights, each RIGHT_ and its name. A derived handle "
              "has the same or fewer.\n\n" + table(("right", "bit", "allows"), rights)
            + f"## Objects\n\n{objects}## Flags\n\n{sets}").rstrip("\n") + "\n"


def status_page(abi: Abi) -> str:
    body = "".join(f"## {each.name}\n\nERR_{each.name} is -{each.value}. {each.doc}\n\n"
                   for each in abi.statuses)
    return (page("Status codes", STATUS)
            + "The one vocabulary of errors, of the kernel and of all servers. OK is 0.\n\n"
            + body).rstrip("\n") + "\n"


def index_page(abi: Abi) -> str:
    groups = [(f"[{group.name}](calls-{group.name}.md)", group.doc,
               " · ".join(call.name for call in abi.calls if call.group == group.name))
              for group in abi.groups]
    protocols = [(f"[{each.name}](protocol-{each.name}.md)", str(each.id), str(each.version))
                 for each in abi.protocols]
    linux = "- [Linux calls](linux.md)\n" if abi.linux else ""
    return (page("Reference", CALLS, OBJECTS, STATUS) + f"""\
- [Objects, rights, signals, flags](objects.md)
- [Status codes](status.md)
{linux}
## Native calls

A native call is one `syscall` with `eax = 0x80000000 | number`, arguments in rdi, rsi, rdx, r10, r8
and r9, and its result in rax: 0 or above is success, below is a status. rcx and r11 are lost, and
so are the registers that carried arguments. In C each call is an inline function of
`<sys/calls.h>`.

Any call answers [INVALID_ARGUMENT](status.md#invalid_argument) when a 32-bit argument is wider than
32 bits or holds an unknown flag. An unknown number answers [NO_SUCH_CALL](status.md#no_such_call).

""" + table(("group", "what it is for", "calls"), groups)
        + ("## Protocols\n\n" if protocols else "")
        + table(("protocol", "id", "version"), protocols)).rstrip("\n") + "\n"


def pages(abi: Abi) -> dict[str, str]:
    """All pages but those of the protocols, by file name."""
    found = {f"calls-{group.name}.md": group_page(abi, group) for group in abi.groups}
    return found | {"objects.md": objects_page(abi), "status.md": status_page(abi),
                    "README.md": index_page(abi)}


def differences(folder: Path, wanted: dict[str, str]) -> list[str]:
    """What is wrong with the pages in the tree, one line each."""
    found = []
    for name, text in sorted(wanted.items()):
        path = folder / name
        if not path.exists():
            found.append(f"{name} is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name} differs from the data")
    return found + [f"{name} is generated from nothing" for name in stale(folder, wanted)]


def stale(folder: Path, wanted: dict[str, str]) -> list[str]:
    """Pages that bear our mark and that the data no longer asks for."""
    return [path.name for path in sorted(folder.glob("*.md"))
            if path.name not in wanted and MARK in path.read_text(encoding="utf-8")]
