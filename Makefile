# SPDX-License-Identifier: MIT
#
# One non-recursive makefile for everything that runs in the guest, and for the unit tests that run
# on the host. Sources are found by name: adding a file needs no change here. The parts are in
# tools/make/.
#
#   make              kernel, servers, drivers, apps, boot archive    -> $(O)/$(ARCH)/
#   make host         host unit tests                                 -> $(O)/host/
#   make linux        Linux programs for tests                     -> $(O)/linux/
#   make O=DIR        another output folder        make CC=clang      the other compiler
#   make DEBUG=0      without debug checks         make V=1           show each command
#   make -k           go on after an error, to see all of them

O ?= out
ARCH ?= x86_64
DEBUG ?= 1
V ?= 0

B := $(O)/$(ARCH)

.DEFAULT_GOAL := all
.PHONY: all kernel user image host gen clean
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

all: kernel user image

include tools/make/version.mk
include tools/make/toolchain.mk
include tools/make/abi.mk
include tools/make/kernel.mk
include tools/make/user.mk
include tools/make/libos.mk
include tools/make/agent.mk
include tools/make/image.mk
include tools/make/host.mk
include tools/make/sim.mk
include tools/make/linux.mk

clean:
	$(call once,remove $(O))
	$(Q)rm -rf $(O)
