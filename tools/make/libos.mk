# SPDX-License-Identifier: MIT
#
# The libos: libos/ and the few sources of lib/ that it needs, compiled as code that may lie
# anywhere, linked at LIBOS_TEXT into a flat image: $(B)/bin/libos (with symbols) ->
# $(B)/root/lib/libos.img. Its vDSO is a shared object of its own within the image.

LIBOS_FOLDER := $(OBJ)/libos
LIBOS_VDSO := $(LIBOS_FOLDER)/vdso.so
LIBOS_OWN := $(sort $(if $(wildcard libos),$(shell find libos -type f \
    \( -name '*.c' -o -name '*.S' \) ! -path '*/test/*' ! -path 'libos/vdso/*')))
# No globals here either: what has some is not in this list.
LIBOS_SHARED := lib/sys/string.c lib/sys/mutex.c lib/ds/format.c $(call under,lib/launch)
LIBOS_GENERATED := $(sort $(wildcard $(GEN)/libos/*.c)) \
    $(patsubst %,$(GEN)/lib/proto/%.c,fs fs_client proc proc_client \
    tty tty_client vfs vfs_client) $(GEN)/lib/sys/names.c
LIBOS_SOURCES := $(LIBOS_OWN) $(LIBOS_SHARED) $(LIBOS_GENERATED)
LIBOS_OBJECTS := $(patsubst %,$(LIBOS_FOLDER)/%.o,$(subst $(GEN)/,gen/,$(LIBOS_SOURCES)))

LIBOS_INCLUDES := -Ilibos -I$(GEN)/libos/include $(USER_INCLUDES)
LIBOS_FLAGS := $(filter-out -fno-pic -fno-pie,$(GUEST_FLAGS)) -fPIE -fno-stack-protector \
    -include libos/core/hidden.h $(LIBOS_INCLUDES)
LIBOS_AS_FLAGS := $(GUEST_AS_FLAGS) $(LIBOS_INCLUDES) -DLIBOS_VDSO_FILE='"$(LIBOS_VDSO)"'
VDSO_FLAGS := $(filter-out -fno-pic -fno-pie,$(GUEST_FLAGS)) -fPIC -fno-stack-protector \
    $(LIBOS_INCLUDES)

.PHONY: libos
user: libos
libos: $(B)/bin/libos $(B)/root/lib/libos.img

define compile_libos
	$(call once,compile libos)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(DEPENDENCY_FLAGS) $(LIBOS_FLAGS) -c -o $@ $<
endef

$(LIBOS_FOLDER)/gen/%.c.o: $(GEN)/%.c $(FLAG_FILES) tools/make/libos.mk
	$(compile_libos)
$(LIBOS_FOLDER)/%.c.o: %.c $(FLAG_FILES) tools/make/libos.mk
	$(compile_libos)
$(LIBOS_FOLDER)/%.S.o: %.S $(LIBOS_VDSO) $(FLAG_FILES) tools/make/libos.mk
	$(call once,compile libos)
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPENDENCY_FLAGS) $(LIBOS_AS_FLAGS) -c -o $@ $<

$(LIBOS_VDSO): libos/vdso/vdso.c libos/vdso/vdso.ld $(FLAG_FILES) tools/make/libos.mk
	$(call once,compile libos)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MMD -MP -MF $@.d -MT $@ $(VDSO_FLAGS) -c -o $@.o $<
	$(Q)$(LD) -m elf_$(ARCH) -shared -nostdlib --gc-sections --build-id=none \
	    --hash-style=both --fatal-warnings -z max-page-size=4096 -z noexecstack \
	    -soname linux-vdso.so.1 -Bsymbolic -T libos/vdso/vdso.ld -o $@.full $@.o
	$(Q)$(STRIP) -o $@ $@.full

$(call remember,$(LIBOS_FOLDER)/objects,$(LIBOS_OBJECTS))

$(B)/bin/libos: $(LIBOS_OBJECTS) libos/libos.ld $(LIBOS_FOLDER)/objects $(B)/variant
	$(call once,link libos)
	@mkdir -p $(@D)
	$(Q)$(LD) -m elf_$(ARCH) -nostdlib -static --build-id=none --fatal-warnings \
	    --no-gc-sections -z max-page-size=4096 -z noexecstack -e entry_start \
	    -T libos/libos.ld -o $@ $(LIBOS_OBJECTS)

$(B)/root/lib/libos.img: $(B)/bin/libos
	@mkdir -p $(@D)
	$(Q)objcopy -O binary -j .image $< $@

-include $(LIBOS_OBJECTS:.o=.d) $(LIBOS_VDSO).d
