# SPDX-License-Identifier: MIT
#
# The kernel: kernel/ (this architecture), the shared data structures of lib/ds, and what abigen
# wrote for it.
#
# It carries a table of its own function names for backtraces. The table's content depends on
# addresses, and its size might move them, so the kernel is linked until the table made from it
# equals the table in it (tools/ksyms.py).

KERNEL_ARCH := kernel/arch/$(ARCH)
KERNEL_SOURCES := $(call under,kernel) $(call under,lib/ds) $(GEN_KERNEL)
KERNEL_OBJECTS := $(patsubst %,$(OBJ)/kernel/%.o,$(subst $(GEN)/,gen/,$(KERNEL_SOURCES)))
KERNEL_SCRIPT := $(firstword $(wildcard $(KERNEL_ARCH)/kernel.ld.S $(KERNEL_ARCH)/kernel.ld))

KERNEL_INCLUDES := -Ikernel/include -I$(KERNEL_ARCH)/include -Iabi/include -I$(GEN) -Ilib/ds/include
KERNEL_FLAGS_x86_64 := -mcmodel=kernel -mno-red-zone -mstack-protector-guard=global
KERNEL_FLAGS := $(GUEST_FLAGS) -fstack-protector-strong $(KERNEL_FLAGS_$(ARCH)) \
    $(KERNEL_INCLUDES) -DPRUNELLA_KERNEL
KERNEL_AS_FLAGS := $(GUEST_AS_FLAGS) $(KERNEL_INCLUDES) -DPRUNELLA_KERNEL

ifneq ($(KERNEL_SCRIPT),)
kernel: $(B)/kernel.elf
endif

define compile_kernel
	$(call once,compile kernel)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(DEPENDENCY_FLAGS) $(KERNEL_FLAGS) -c -o $@ $<
endef

define assemble_kernel
	$(call once,compile kernel)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPENDENCY_FLAGS) $(KERNEL_AS_FLAGS) -c -o $@ $<
endef

$(OBJ)/kernel/gen/%.c.o: $(GEN)/%.c $(FLAG_FILES) tools/make/kernel.mk
	$(compile_kernel)
$(OBJ)/kernel/gen/%.S.o: $(GEN)/%.S $(FLAG_FILES) tools/make/kernel.mk
	$(assemble_kernel)
$(OBJ)/kernel/%.c.o: %.c $(FLAG_FILES) tools/make/kernel.mk
	$(compile_kernel)
$(OBJ)/kernel/%.S.o: %.S $(FLAG_FILES) tools/make/kernel.mk
	$(assemble_kernel)

# The linker script goes through the preprocessor when it is named .ld.S.
$(OBJ)/kernel/kernel.ld: $(KERNEL_SCRIPT) $(FLAG_FILES) tools/make/kernel.mk
	@mkdir -p $(@D)
	$(Q)$(if $(filter %.S,$<),$(CC) -E -P -x assembler-with-cpp -MMD -MP -MF $@.d -MT $@ \
	    $(KERNEL_INCLUDES) -D__LINKER__ -D__ASSEMBLER__ -o $@ $<,cp $< $@)

$(call remember,$(OBJ)/kernel/objects,$(KERNEL_OBJECTS))

define link_kernel
$(CC) -c -o $@.symbols.o $@.symbols.S && \
    $(LD) $(GUEST_LD_FLAGS) -T $(OBJ)/kernel/kernel.ld -o $@.new $(KERNEL_OBJECTS) $@.symbols.o
endef

$(B)/kernel.elf: $(KERNEL_OBJECTS) $(OBJ)/kernel/kernel.ld $(OBJ)/kernel/objects $(B)/variant \
    tools/ksyms.py
	$(call once,link kernel)
	$(Q)$(PYTHON) tools/ksyms.py --empty > $@.symbols.S && $(link_kernel) && \
	for pass in 1 2 3 4 5; do \
	    $(NM) -n $@.new | $(PYTHON) tools/ksyms.py > $@.symbols.next || exit 1; \
	    if cmp -s $@.symbols.next $@.symbols.S; then \
	        rm -f $@.symbols.*; mv $@.new $@; exit 0; \
	    fi; \
	    mv $@.symbols.next $@.symbols.S; $(link_kernel) || exit 1; \
	done; \
	echo "kernel.mk: the symbol table does not settle: does it lie before the text?" >&2; \
	exit 1

-include $(KERNEL_OBJECTS:.o=.d) $(OBJ)/kernel/kernel.ld.d
