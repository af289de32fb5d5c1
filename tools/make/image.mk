# SPDX-License-Identifier: MIT
#
# The boot archive, a plain ustar file: what image/boot.list names, and below root/, as the tree of
# Linux programs, what image/root.list names. Programs go in stripped
# ($(B)/root/bin); the copies in $(B)/bin keep their symbols for the debugger.

BOOT_LIST := $(wildcard image/boot.list)
ROOT_LIST := $(wildcard image/root.list)
STRIPPED := $(PROGRAMS:%=$(B)/root/bin/%)
# What is no program of its own, but part of Linux processes.
IMAGES := $(B)/root/lib/libos.img $(B)/root/lib/agent.img

image: $(B)/boot.tar

$(B)/root/bin/%: $(B)/bin/%
	@mkdir -p $(@D)
	$(Q)$(STRIP) -o $@ $<

$(B)/boot.tar: $(STRIPPED) $(IMAGES) $(BOOT_LIST) $(ROOT_LIST) tools/mkarchive.py $(B)/programs
	$(call once,pack boot archive)
	$(Q)$(PYTHON) tools/mkarchive.py --build $(B)/root --build $(B) --depfile $@.d --out $@ \
	    --prefix root/ $(ROOT_LIST:%=--under %) $(BOOT_LIST)

$(call remember,$(B)/programs,$(PROGRAMS) $(BOOT_LIST))

-include $(B)/boot.tar.d
