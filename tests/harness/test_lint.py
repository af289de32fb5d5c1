# SPDX-License-Identifier: MIT
"""Each lint rule finds what it is there to find, and is content with a tree as it should be."""

import pytest
from lint import c_rules, dependencies, layout, text_rules
from lint.tree import Tree
from prunella import paths

RULES = {**text_rules.RULES, **c_rules.RULES, **dependencies.RULES, **layout.RULES}
SPDX = "// SPDX-License-Identifier: MIT\n"
GOOD = SPDX + "int number_one(void);\nint number_one(void) {\n    return 1;\n}\n"
ASSERTING = GOOD.replace("    return", "    assert(count == 1);\n    return")
LONG_FUNCTION = SPDX + "void f(void) {\n" + "    f();\n" * 80 + "}\n"
MACHINE_PATH = "/".join(("", "tmp", "x"))


def make_tree(folder, files):
    """A tree of these files: path -> content."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")
    return Tree(folder)


FINDINGS = [
    ("file-lines", {"kernel/a.c": GOOD + "// x\n" * 800}, "kernel/a.c:801"),
    ("columns", {"kernel/a.c": GOOD + "// " + "x" * 98 + "\n"}, "kernel/a.c:6"),
    ("spaces", {"kernel/a.c": GOOD + "\tint x;\n"}, "kernel/a.c:6"),
    ("spaces", {"kernel/a.c": GOOD + "int x; \n"}, "kernel/a.c:6"),
    ("spaces", {"kernel/a.c": GOOD + "int x;"}, "kernel/a.c:6"),
    ("licence", {"kernel/a.c": "int x;\n"}, "kernel/a.c:1"),
    ("licence", {"tools/a.py": "#!/usr/bin/python3\nprint()\n"}, "tools/a.py:1"),
    ("machine-paths", {"docs/a.md": f"see {MACHINE_PATH}/y\n"}, "docs/a.md:1"),
    ("python", {"tools/a.py": "def f(:\n"}, "tools/a.py:1"),
    ("python", {"tools/a.py": "def f():\n" + "    print()\n" * 71}, "tools/a.py:1"),
    ("function-lines", {"kernel/a.c": LONG_FUNCTION}, "kernel/a.c:2"),
    ("if-share", {"kernel/a.c": GOOD + "#if X\n#endif\n#ifdef Y\n#endif\n"}, "kernel/a.c:6"),
    ("architecture-if", {"kernel/a.c": GOOD + "#ifdef __x86_64__\n#endif\n"}, "kernel/a.c:6"),
    ("kernel-budget", {f"kernel/arch/x86_64/{n}.c": GOOD + "int x;\n" * 790 for n in range(20)},
     "kernel:1"),
    ("assertions", {"kernel/a.c": GOOD}, "kernel:1"),
    ("arrows", {"abi/include/abi/x.h": '#include "base.h"\n', "kernel/include/base.h": SPDX},
     "abi/include/abi/x.h:1"),
    ("arrows", {"servers/a/main.c": "#include <base.h>\n", "kernel/include/base.h": SPDX},
     "servers/a/main.c:1"),
    ("arrows", {"servers/a/main.c": '#include "../b/b.h"\n', "servers/b/b.h": SPDX},
     "servers/a/main.c:1"),
    ("arrows", {"drivers/net/a/m.c": '#include "../b/b.h"\n', "drivers/net/b/b.h": SPDX},
     "drivers/net/a/m.c:1"),
    ("arrows", {"lib/ds/a.c": "#include <sys/s.h>\n", "lib/sys/include/sys/s.h": SPDX},
     "lib/ds/a.c:1"),
    ("arrows", {"lib/sys/a.c": '#include "../../servers/a/a.h"\n', "servers/a/a.h": SPDX},
     "lib/sys/a.c:1"),
    ("include-cycles", {"kernel/include/a.h": "#include <b.h>\n",
                        "kernel/include/b.h": '#include "a.h"\n'}, "kernel/include/a.h:1"),
    ("clang-format", {"kernel/a.c": GOOD.replace("    return", "  return"),
                      ".clang-format": "IndentWidth: 4\n"}, "kernel/a.c:3"),
]


@pytest.mark.parametrize("rule,files,place", FINDINGS,
                         ids=[f"{rule}-{number}" for number, (rule, _, _) in enumerate(FINDINGS)])
def test_rule_finds(tmp_path, rule, files, place):
    findings = RULES[rule](make_tree(tmp_path, files)).findings
    assert [finding.split(" ")[0] for finding in findings][:1] == [place]


@pytest.mark.parametrize("rule", RULES)
def test_rule_is_content_with_a_good_tree(tmp_path, rule):
    files = {
        ".clang-format": (paths.ROOT / ".clang-format").read_text(encoding="utf-8"),
        "abi/include/abi/types.h": SPDX + "#pragma once\n",
        "lib/ds/include/ds/list.h": SPDX + "#pragma once\n#include <abi/types.h>\n",
        "kernel/include/base.h": SPDX + "#pragma once\n#include <abi/types.h>\n",
        "kernel/arch/x86_64/cpu.c": ASSERTING.replace(SPDX, SPDX + "#include <base.h>\n"),
        "kernel/mm/page.c": ASSERTING.replace(SPDX, SPDX + "#include <ds/list.h>\n"),
        "servers/a/main.c": GOOD.replace(SPDX, SPDX + '#include "a.h"\n#include <ds/list.h>\n'),
        "servers/a/a.h": SPDX + "#pragma once\n",
        "tools/a.py": "# SPDX-License-Identifier: MIT\nprint(1)\n",
        "lib/sys/long.c": "// lint: long-function f a table of cases\n" + LONG_FUNCTION,
    }
    if rule in ("licence", "clang-format"):
        del files["lib/sys/long.c"]
    assert RULES[rule](make_tree(tmp_path, files)).findings == []


def test_functions_are_found(tmp_path):
    text = SPDX + """
#define HEAD(x) \\
    do { (x)++; } while (0)
struct s {
    int x;
};
static int table[] = { 1, 2 };
enum { A = (1) };
[[nodiscard]] static int first(int a, void (*f)(int)) {
    // a brace in a comment: {
    return a == '{' ? table[0] : "}"[0];
}
__attribute__((noinline)) void second(void)
{
    HEAD(table[0]);
}
"""
    functions = make_tree(tmp_path, {"kernel/a.c": text}).files[0].functions
    assert [(function.name, function.lines) for function in functions] == [
        ("first", 4), ("second", 3)]


def test_comment_lines_are_counted(tmp_path):
    text = 'int x; // one\n/* two\n three */\nchar *s = "// none";\n'
    assert make_tree(tmp_path, {"kernel/a.c": text}).files[0].comment_lines == 3


def test_unit_tests_and_other_machines_are_outside_the_budget(tmp_path):
    tree = make_tree(tmp_path, {
        "kernel/arch/x86_64/a.c": GOOD, "kernel/arch/aarch64/b.c": GOOD + "int x;\n" * 100,
        "kernel/mm/test/x_test.c": GOOD, "kernel/test/host/stub.h": GOOD,
        "lib/ds/list.c": GOOD, "lib/test/check.c": GOOD})
    figures = c_rules.kernel_budget(tree).figures
    sums = [figure.split() for figure in figures if " sum " in figure]
    assert [(words[0], words[2]) for words in sums] == [("x86_64", "8"), ("aarch64", "108")]


def test_comments_and_empty_lines_are_outside_the_budget(tmp_path):
    tree = make_tree(tmp_path, {
        "kernel/arch/x86_64/a.c": SPDX + "\n    // why\nint x; // what\n\n"})
    figures = c_rules.kernel_budget(tree).figures
    assert [figure.split()[2] for figure in figures if " sum " in figure] == ["1"]
