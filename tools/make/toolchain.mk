# SPDX-License-Identifier: MIT
#
# Compilers, flags that all parts share, and the few macros of the build.
#
# Each combination of compiler and debug setting has its own object folder, so that switching never
# mixes objects. What is linked lies at a fixed path and depends on $(B)/variant, whose content is
# that combination: switching links again.

ifeq ($(origin CC),default)
CC := gcc
endif
LD := ld
AR := ar
NM := nm
STRIP := strip
PYTHON := /usr/bin/python3

CCACHE := $(shell command -v ccache 2>/dev/null)
COMPILE := $(CCACHE) $(CC)
VARIANT := $(notdir $(firstword $(CC)))-$(if $(filter 0,$(DEBUG)),release,debug)
OBJ := $(B)/obj/$(VARIANT)
GEN := $(B)/gen

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef \
    -Werror

# -ffile-prefix-map: no path of the build machine gets into a binary.
COMMON_FLAGS := -std=gnu2x -g -fno-common -fno-strict-aliasing \
    -fno-omit-frame-pointer -momit-leaf-frame-pointer \
    '-ffile-prefix-map=$(CURDIR)=.' $(WARNINGS) \
    -DPRUNELLA_VERSION='"$(VERSION)"' $(if $(filter 0,$(DEBUG)),,-DDEBUG)
GUEST_FLAGS := $(COMMON_FLAGS) -O2 -ffreestanding -fno-pic -fno-pie \
    -fno-asynchronous-unwind-tables -mgeneral-regs-only -ffunction-sections -fdata-sections
GUEST_AS_FLAGS := -g '-ffile-prefix-map=$(CURDIR)=.' -D__ASSEMBLER__
DEPENDENCY_FLAGS = -MMD -MP -MF $(@:.o=.d)
GUEST_LD_FLAGS := -m elf_$(ARCH) -nostdlib -static --gc-sections --build-id=none --fatal-warnings \
    -z max-page-size=4096 -z noexecstack -z separate-code

# A changed flag compiles again what it concerns.
FLAG_FILES := Makefile tools/make/toolchain.mk tools/make/version.mk

Q := $(if $(filter 1,$(V)),,@)

# $(call once,TEXT) in a recipe prints TEXT the first time in this run: one line a class of steps.
once = @$(if $(said-$(subst $(space),-,$(1))),,$(call say,$(1)))
say = $(eval said-$(subst $(space),-,$(1)) := 1)$(info $(1))

empty :=
space := $(empty) $(empty)
define newline


endef

# $(call differ,A,B): not empty when the two texts differ.
differ = $(subst x$(1)x,,x$(2)x)$(subst x$(2)x,,x$(1)x)

# $(call remember,FILE,TEXT): FILE holds TEXT; it is written only when that changes. A rule that
# depends on FILE runs again when, for example, its list of sources lost one.
remember = $(if $(call differ,$(strip $(file <$(1))),$(strip list: $(2))),\
    $(shell mkdir -p $(dir $(1)))$(file >$(1),list: $(strip $(2))))

# All sources of the guest, found once. A folder named test holds host unit tests, but lib/test is a
# library.
OTHER_ARCHITECTURES := $(filter-out $(ARCH),x86_64 aarch64 riscv64)
SOURCE_ROOTS := $(wildcard kernel lib servers drivers apps)
SOURCES := $(if $(SOURCE_ROOTS),$(sort $(shell find $(SOURCE_ROOTS) -type f \
    \( -name '*.c' -o -name '*.S' \) ! -path '*/*/test/*' ! -path 'kernel/test/*' ! -name '*.ld.S' \
    $(foreach a,$(OTHER_ARCHITECTURES),! -path '*/$(a)/*'))))

# $(call under,FOLDER): the sources below FOLDER.
under = $(filter $(1)/%,$(SOURCES))

$(call remember,$(B)/variant,$(COMPILE) $(VARIANT))
