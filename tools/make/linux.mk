# SPDX-License-Identifier: MIT
#
# Linux programs, for the tests that run them on Debian's kernel and on Prunella. Each source
# tests/linux/programs/FAMILY/NAME.c with a `// libcs:` line is the program NAME, built once for
# each C library on that line, always static. They are no part of `all`: `make linux` makes them.
#
#   $(O)/linux/LIBC/NAME      musl, musl-pie, glibc, glibc-pie, klibc
#
# `// sources:` names further files (below tests/linux/programs), `// flags:` flags and libraries.

LINUX := $(O)/linux
LINUX_ROOT := tests/linux/programs
LINUX_SOURCES := $(sort $(wildcard $(LINUX_ROOT)/*/*.c))

# One entry "LIBC|NAME|SOURCE" for each program to make; "NAME|sources|FILE" and "NAME|flags|FLAG".
linux_words = $(shell awk '{ split(FILENAME, part, "/"); name = part[length(part)]; \
    sub(/\.c$$/, "", name) } /^\/\/ $(1):/ { for (i = 3; i <= NF; i++) print $(2) }' \
    /dev/null $(LINUX_SOURCES))
LINUX_PROGRAMS := $(call linux_words,libcs,$$i "|" name "|" FILENAME)
LINUX_EXTRAS := $(call linux_words,sources,name "|sources|" $$i)
LINUX_EXTRAS += $(call linux_words,flags,name "|flags|" $$i)
# $(call linux_extras,NAME,sources or flags)
linux_extras = $(patsubst $(1)|$(2)|%,%,$(filter $(1)|$(2)|%,$(LINUX_EXTRAS)))

LINUX_FLAGS := -std=gnu2x -O1 -g0 -D_GNU_SOURCE -I$(LINUX_ROOT)/include -Wall -Wextra -Werror \
    -fno-strict-aliasing -fno-stack-protector -Wl,--gc-sections -s

# musl-gcc of Debian links no static PIE: its own start file and the flags for it are given here.
MUSL := /usr/lib/x86_64-linux-musl
LINUX_CC_musl = musl-gcc $(LINUX_FLAGS) -static -fno-pie $(1)
LINUX_CC_musl-pie = gcc $(LINUX_FLAGS) -nostdinc -isystem /usr/include/x86_64-linux-musl \
    -fPIE -static-pie -nostdlib $(MUSL)/rcrt1.o $(MUSL)/crti.o $(1) -L$(MUSL) \
    -Wl,--start-group -lc -lgcc -lgcc_eh -Wl,--end-group $(MUSL)/crtn.o
LINUX_CC_glibc = gcc $(LINUX_FLAGS) -static -fno-pie -no-pie -pthread $(1)
LINUX_CC_glibc-pie = gcc $(LINUX_FLAGS) -static-pie -fPIE -pthread $(1)
LINUX_CC_klibc = klcc $(LINUX_FLAGS) -fno-pie $(1)

# $(call linux_program,LIBC,NAME,SOURCE)
define linux_program
LINUX_BINARIES += $(LINUX)/$(1)/$(2)
$(LINUX)/$(1)/$(2): $(3) $(addprefix $(LINUX_ROOT)/,$(call linux_extras,$(2),sources)) \
    tools/make/linux.mk
	$$(call once,compile Linux programs)
	@mkdir -p $$(@D) $(LINUX)/depend
	$$(Q)$$(call LINUX_CC_$(1),-MMD -MP -MF $(LINUX)/depend/$(1)-$(2).d -MT $$@ -o $$@ $(3) \
	    $(addprefix $(LINUX_ROOT)/,$(call linux_extras,$(2),sources)) \
	    $(call linux_extras,$(2),flags))
endef

# The init of the Debian guest in which they run for comparison.
LINUX_RUNNER := $(wildcard tests/linux/runner/*.c)
$(LINUX)/runner: $(LINUX_RUNNER) $(wildcard tests/linux/runner/*.h) tools/make/linux.mk
	$(call once,compile Linux programs)
	@mkdir -p $(@D)
	$(Q)$(call LINUX_CC_musl,-o $@ $(LINUX_RUNNER))

.PHONY: linux
ifneq ($(filter linux,$(MAKECMDGOALS)),)
$(foreach p,$(LINUX_PROGRAMS),$(eval $(call linux_program,$(word 1,$(subst |, ,$(p))),$(word 2,\
    $(subst |, ,$(p))),$(word 3,$(subst |, ,$(p))))))
-include $(wildcard $(LINUX)/depend/*.d)
# A program that was moved or removed since is no longer what its old list says.
$(LINUX_ROOT)/%.c: ;
endif
linux: $(LINUX_BINARIES) $(LINUX)/runner

# The benchmark that runs on Debian's kernel and on Prunella (bench/), for `./prunella bench`. It
# keeps its symbols: the profiler reads them.
BENCH_SOURCES := $(sort $(wildcard bench/*.c))
.PHONY: linux-bench
linux-bench: $(LINUX)/bench
$(LINUX)/bench: $(BENCH_SOURCES) $(wildcard bench/*.h) tools/make/linux.mk
	$(call once,compile Linux programs)
	@mkdir -p $(@D)
	$(Q)musl-gcc -std=gnu2x -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -fno-strict-aliasing \
	    -static -fno-pie -no-pie -o $@ $(BENCH_SOURCES)
