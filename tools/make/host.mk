# SPDX-License-Identifier: MIT
#
# Host unit tests: each test/NAME_test.c of the tree is a program of the host, with the sanitizers
# on, linked with the sources that its "// host-sources:" comment lines name (paths from the root;
# what is generated as gen/kernel/x.c). kernel/test/host comes first among the include folders: its
# headers stand in for those of the machine.

HOST := $(O)/host
HOST_OBJ := $(HOST)/obj/$(VARIANT)
HOST_ROOTS := $(wildcard kernel lib servers drivers apps libos)
HOST_TESTS := $(if $(HOST_ROOTS),$(sort $(shell find $(HOST_ROOTS) -path '*/test/*_test.c')))
# kernel/mm/test/slab_test.c is the program kernel-mm-slab_test.
host_program = $(HOST)/bin/$(subst /,-,$(patsubst %.c,%,$(subst /test/,/,$(1))))
HOST_PROGRAMS := $(foreach t,$(HOST_TESTS),$(call host_program,$(t)))

HOST_INCLUDE_FOLDERS := kernel/test/host lib/test/include lib/ds/include kernel/include \
    abi/include $(GEN) \
    $(filter-out lib/test/include lib/ds/include,$(sort $(wildcard lib/*/include))) \
    $(sort $(wildcard $(GEN)/lib/*/include)) $(GEN)/lib kernel/arch/$(ARCH)/include
HOST_INCLUDES := $(HOST_INCLUDE_FOLDERS:%=-I%)
HOST_SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_FLAGS := $(COMMON_FLAGS) -O1 $(HOST_SANITIZERS) -DHOST_TEST $(HOST_INCLUDES)

host: $(HOST_PROGRAMS)

# One entry "test|source" for each source that a test names.
HOST_PAIRS := $(if $(HOST_TESTS),$(shell awk \
    '/^\/\/ host-sources:/ { for (i = 3; i <= NF; i++) print FILENAME "|" $$i }' $(HOST_TESTS)))
host_sources = $(1) $(patsubst $(1)|%,%,$(filter $(1)|%,$(HOST_PAIRS)))
host_objects = $(patsubst %,$(HOST_OBJ)/%.o,$(subst $(GEN)/,gen/,$(call host_sources,$(1))))

define compile_host
	$(call once,compile host tests)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(DEPENDENCY_FLAGS) $(HOST_FLAGS) -c -o $@ $<
endef

$(HOST_OBJ)/gen/%.c.o: $(GEN)/%.c $(FLAG_FILES) tools/make/host.mk
	$(compile_host)
$(HOST_OBJ)/%.c.o: %.c $(FLAG_FILES) tools/make/host.mk
	$(compile_host)

# $(call host_test,SOURCE,PROGRAM)
define host_test
HOST_OBJECTS += $(call host_objects,$(1))
$$(call remember,$(HOST)/lists/$(notdir $(2)),$(call host_objects,$(1)))
$(2): $(call host_objects,$(1)) $(HOST)/lists/$(notdir $(2))
	$$(call once,link host tests)
	@mkdir -p $$(@D)
	$$(Q)$(CC) $(HOST_SANITIZERS) -o $$@ $$(filter %.o,$$^)
endef

$(foreach t,$(HOST_TESTS),$(eval $(call host_test,$(t),$(call host_program,$(t)))))

# What `./prunella test unit` runs: programs of tests that are gone are not in it.
$(call remember,$(HOST)/programs,$(HOST_PROGRAMS))

-include $(sort $(HOST_OBJECTS:.o=.d))
