# SPDX-License-Identifier: MIT
#
# The agent of the tests of procd (tests/proc/agent): a flat image at the place of the libos, with
# the few sources of lib/ that it needs. It has no writable data. As in the libos all names are
# hidden: the image has no table of addresses.

AGENT_FOLDER := $(OBJ)/agent
AGENT_SOURCES := $(wildcard tests/proc/agent/*.c tests/proc/agent/*.S) lib/sys/string.c \
    lib/ds/format.c $(patsubst %,$(GEN)/lib/proto/%.c,protocol_call proc proc_client)
AGENT_OBJECTS := $(patsubst %,$(AGENT_FOLDER)/%.o,$(subst $(GEN)/,gen/,$(AGENT_SOURCES)))
AGENT_FLAGS := $(filter-out -fno-pic -fno-pie,$(GUEST_FLAGS)) -fPIE \
    -include libos/core/hidden.h -fno-stack-protector $(USER_INCLUDES)

define compile_agent
	$(call once,compile test agent)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(DEPENDENCY_FLAGS) $(AGENT_FLAGS) -c -o $@ $<
endef

$(AGENT_FOLDER)/gen/%.c.o: $(GEN)/%.c $(FLAG_FILES) tools/make/agent.mk
	$(compile_agent)
$(AGENT_FOLDER)/%.c.o: %.c $(FLAG_FILES) tools/make/agent.mk
	$(compile_agent)
$(AGENT_FOLDER)/%.S.o: %.S $(FLAG_FILES) tools/make/agent.mk
	$(call once,compile test agent)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPENDENCY_FLAGS) $(USER_AS_FLAGS) -c -o $@ $<

$(B)/bin/agent: $(AGENT_OBJECTS) tests/proc/agent/agent.ld
	$(call once,link test agent)
	@mkdir -p $(@D)
	$(Q)$(LD) -m elf_$(ARCH) -nostdlib -static --build-id=none --fatal-warnings \
	    -z max-page-size=4096 -z noexecstack -e agent_start -T tests/proc/agent/agent.ld -o $@ \
	    $(AGENT_OBJECTS)

$(B)/root/lib/agent.img: $(B)/bin/agent
	@mkdir -p $(@D)
	$(Q)objcopy -O binary -j .image $< $@

user: $(B)/root/lib/agent.img

-include $(AGENT_OBJECTS:.o=.d)
