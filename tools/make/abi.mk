# SPDX-License-Identifier: MIT
#
# Everything that tools/abigen.py writes out of abi/. The stamp is an included makefile: GNU make
# brings it up to date before anything else and then starts over, so the lists of generated sources
# below are always those of the current declarations.

ABI_INPUTS := $(if $(wildcard abi),$(shell find abi -name '*.toml' -o -name '*.tbl' -o -type d))

ifneq ($(wildcard tools/abigen.py),)
ifneq ($(MAKECMDGOALS),clean)
include $(GEN)/stamp.mk
endif
endif

ABIGEN_FILES := $(wildcard tools/abigen.py) $(if $(wildcard tools/abigen),$(shell find \
    tools/abigen -type f ! -path '*/__pycache__/*'))

$(GEN)/stamp.mk: $(ABI_INPUTS) $(ABIGEN_FILES)
	$(call once,generate abi)
	$(Q)mkdir -p $(GEN)
	$(Q)$(PYTHON) tools/abigen.py --out $(GEN)
	@echo '# written after each run of tools/abigen.py' > $@

# Sources below gen/kernel go into the kernel, those below gen/lib/x into libx.
GEN_KERNEL := $(sort $(wildcard $(GEN)/kernel/*.c $(GEN)/kernel/*.S))
GEN_LIB := $(sort $(wildcard $(GEN)/lib/*/*.c $(GEN)/lib/*/*.S))

# Nothing to do: making the included stamp has done it.
gen:
	@:
