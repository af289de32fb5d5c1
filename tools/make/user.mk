# SPDX-License-Identifier: MIT
#
# Native user code: each folder of lib/ is a static library; each folder of servers/ and apps/, and
# each device folder of drivers/, is a static program. lib/x is libx.a, servers/x and apps/x are
# bin/x, drivers/block/virtio is bin/block-virtio. A program is linked with all libraries; what it
# does not use is not in it.

# $(call folders,ROOT): the folders below ROOT that have sources.
folders = $(sort $(foreach s,$(call under,$(1)),$(word 2,$(subst /, ,$(s)))))
class_and_device = $(word 2,$(subst /, ,$(1)))/$(word 3,$(subst /, ,$(1)))

GENERATED_LIBS := $(sort $(foreach s,$(GEN_LIB:$(GEN)/lib/%=%),$(firstword $(subst /, ,$(s)))))
LIBS := $(sort $(call folders,lib) $(GENERATED_LIBS))
SERVERS := $(call folders,servers)
APPS := $(call folders,apps)
DRIVERS := $(sort $(foreach s,$(call under,drivers),$(call class_and_device,$(s))))
PROGRAMS := $(SERVERS) $(APPS) $(subst /,-,$(DRIVERS))
# NAME|ADDRESS of each program: 16 MiB of the lower addresses for each, in the order of names.
IMAGE_BASES := $(shell number=16; for name in $(PROGRAMS); do \
    printf '%s|0x%x ' $$name $$((number << 24)); number=$$((number + 1)); done)
image_base = $(patsubst $(1)|%,%,$(filter $(1)|%,$(IMAGE_BASES)))
# Programs of the Linux ABI: lib/tool takes the place of lib/sys's start and lib/proto's calls.
TOOLS := svc capctl dmesg

# Generated headers of libraries: <sys/calls.h> (gen/lib/sys/include), <proto/x_client.h> (gen/lib).
USER_INCLUDES := $(patsubst %,-I%,$(sort $(wildcard lib/*/include $(GEN)/lib/*/include))) \
    -Iabi/include -I$(GEN) -I$(GEN)/lib
USER_FLAGS := $(GUEST_FLAGS) -fno-stack-protector $(USER_INCLUDES)
USER_AS_FLAGS := $(GUEST_AS_FLAGS) $(USER_INCLUDES)
USER_SCRIPT := $(wildcard lib/sys/user.ld)
USER_LIBS := $(patsubst %,$(OBJ)/user/lib%.a,$(filter-out tool,$(LIBS)))

user: $(USER_LIBS) $(PROGRAMS:%=$(B)/bin/%)

define compile_user
	$(call once,compile $(1))
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(DEPENDENCY_FLAGS) $(USER_FLAGS) $(2) -c -o $@ $<
endef

define assemble_user
	$(call once,compile $(1))
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEPENDENCY_FLAGS) $(USER_AS_FLAGS) -c -o $@ $<
endef

# The class of a source, for the printed line: lib, servers, drivers or apps.
class_of = $(firstword $(subst /, ,$(1)))

# $(call user_objects,SOURCES)
user_objects = $(patsubst %,$(OBJ)/user/%.o,$(subst $(GEN)/,gen/,$(1)))

$(OBJ)/user/gen/%.c.o: $(GEN)/%.c $(FLAG_FILES) tools/make/user.mk
	$(call compile_user,lib)
$(OBJ)/user/gen/%.S.o: $(GEN)/%.S $(FLAG_FILES) tools/make/user.mk
	$(call assemble_user,lib)
# A program may include from its own folder.
$(OBJ)/user/%.c.o: %.c $(FLAG_FILES) tools/make/user.mk
	$(call compile_user,$(call class_of,$<),-I$(PROGRAM_FOLDER))
$(OBJ)/user/%.S.o: %.S $(FLAG_FILES) tools/make/user.mk
	$(call assemble_user,$(call class_of,$<))

# $(call library,NAME)
define library
$(1)_OBJECTS := $(call user_objects,$(call under,lib/$(1)) $(filter $(GEN)/lib/$(1)/%,$(GEN_LIB)))
USER_OBJECTS += $$($(1)_OBJECTS)
$$(call remember,$(OBJ)/user/lib$(1).objects,$$($(1)_OBJECTS))
$(OBJ)/user/lib$(1).a: PROGRAM_FOLDER := lib/$(1)
$(OBJ)/user/lib$(1).a: $$($(1)_OBJECTS) $(OBJ)/user/lib$(1).objects
	$$(call once,archive libraries)
	$$(Q)rm -f $$@ && $$(AR) rcsD $$@ $$(filter %.o,$$^)
endef

# $(call program,NAME,FOLDER)
define program
$(1)_PROGRAM_OBJECTS := $(call user_objects,$(call under,$(2)))
USER_OBJECTS += $$($(1)_PROGRAM_OBJECTS)
$$(call remember,$(OBJ)/user/$(1).objects,$$($(1)_PROGRAM_OBJECTS) $(USER_LIBS) \
    $(call image_base,$(1)))
$$($(1)_PROGRAM_OBJECTS): PROGRAM_FOLDER := $(2)
$(B)/bin/$(1): $$($(1)_PROGRAM_OBJECTS) $$(call tool_objects,$(1)) $(USER_LIBS) $(USER_SCRIPT) \
    $(OBJ)/user/$(1).objects $(B)/variant
	$$(call once,link programs)
	@mkdir -p $$(@D)
	$$(Q)$(LD) $(GUEST_LD_FLAGS) --defsym=IMAGE_BASE=$(call image_base,$(1)) \
	    $(USER_SCRIPT:%=-T %) -o $$@ $$($(1)_PROGRAM_OBJECTS) \
	    $$(call tool_objects,$(1)) \
	    --start-group $(USER_LIBS) --end-group
endef

$(foreach l,$(LIBS),$(eval $(call library,$(l))))
# Objects of lib/tool for a tool, which come before the libraries, nothing for others.
tool_objects = $(if $(filter $(1),$(TOOLS)),$(tool_OBJECTS))
$(tool_OBJECTS): PROGRAM_FOLDER := lib/tool

$(foreach p,$(SERVERS),$(eval $(call program,$(p),servers/$(p))))
$(foreach p,$(APPS),$(eval $(call program,$(p),apps/$(p))))
$(foreach p,$(DRIVERS),$(eval $(call program,$(subst /,-,$(p)),drivers/$(p))))

-include $(USER_OBJECTS:.o=.d)
