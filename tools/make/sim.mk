# SPDX-License-Identifier: MIT
#
# The simulator of servers that heal (tests/sim): lib/server and the small servers, compiled for the
# host against a small kernel. `make sim` builds it twice: $(O)/sim/sim is fast,
# $(O)/sim/sim-check has
# the sanitizers on.

SIM := $(O)/sim
SIM_SERVERS := bank queue relay procd tmpfsd
SIM_PROTOCOLS := bank queue relay proc fs
# procd is more than one file; the simulator has an image of its own for its first processes.
SIM_PROCD := $(filter-out %/main.c %/image.c,$(wildcard servers/procd/*.c)) \
    servers/procd/test/sim_image.c
SIM_TMPFSD := $(filter-out %/main.c,$(wildcard servers/tmpfsd/*.c)) $(wildcard lib/fstest/*.c) \
    lib/sys/archive.c lib/image/ustar.c
SIM_SOURCES := $(wildcard tests/sim/*.c) $(filter lib/server/%.c,$(call under,lib/server)) \
    $(SIM_PROCD) $(SIM_TMPFSD) lib/ds/format.c
SIM_GENERATED := $(patsubst %,$(GEN)/lib/proto/%.c,protocol_call protocol_answer \
    $(SIM_PROTOCOLS) $(SIM_PROTOCOLS:%=%_client) $(SIM_PROTOCOLS:%=%_server))

# tests/sim/include stands in for headers of lib/sys and lib/server, so it comes first.
SIM_INCLUDES := -Itests/sim/include -Ilib/server/include -Ilib/sys/include -Ilib/ds/include \
    -Ilib/fstest/include -Ilib/image/include -Iabi/include -I$(GEN) -I$(GEN)/lib \
    -I$(GEN)/lib/sys/include
SIM_FLAGS := $(COMMON_FLAGS) $(SIM_INCLUDES) -DPROCESSES_MAX=32 -DTHREADS_MAX=16 -DWAITS_MAX=24
SIM_FLAGS_fast := -O2
SIM_FLAGS_check := -O1 $(HOST_SANITIZERS)

define compile_sim
	$(call once,compile simulator)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(DEPENDENCY_FLAGS) $(SIM_FLAGS) $(1) -c -o $@ $<
endef

# $(call sim_objects,VARIANT)
sim_objects = $(patsubst %,$(SIM)/obj/$(VARIANT)/$(1)/%.o,$(SIM_SOURCES) \
    $(SIM_SERVERS:%=servers/%/main.c) $(SIM_GENERATED:$(GEN)/%=gen/%))

# $(call sim_program,VARIANT,PROGRAM)
define sim_program
SIM_OBJECTS += $(call sim_objects,$(1))
$(SIM)/obj/$(VARIANT)/$(1)/gen/%.c.o: $(GEN)/%.c $(FLAG_FILES) tools/make/sim.mk
	$$(call compile_sim,$$(SIM_FLAGS_$(1)))
$(SIM)/obj/$(VARIANT)/$(1)/servers/%/main.c.o: servers/%/main.c $(FLAG_FILES) tools/make/sim.mk
	$$(call compile_sim,$$(SIM_FLAGS_$(1)) -Dnative_main=$$*_main)
$(SIM)/obj/$(VARIANT)/$(1)/%.c.o: %.c $(FLAG_FILES) tools/make/sim.mk
	$$(call compile_sim,$$(SIM_FLAGS_$(1)))
$$(call remember,$(SIM)/$(2).objects,$(call sim_objects,$(1)))
$(SIM)/$(2): $(call sim_objects,$(1)) $(SIM)/$(2).objects
	$$(call once,link simulator)
	$$(Q)$(CC) $$(SIM_FLAGS_$(1)) -o $$@ $$(filter %.o,$$^)
endef

$(eval $(call sim_program,fast,sim))
$(eval $(call sim_program,check,sim-check))

.PHONY: sim
sim: $(SIM)/sim $(SIM)/sim-check

-include $(sort $(SIM_OBJECTS:.o=.d))
