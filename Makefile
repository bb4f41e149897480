# SPDX-License-Identifier: MIT
# Goals and help; rules live in build/*.mk. Plain non-recursive GNU make, one output tree: out/$(MODE)/.
# MODE=release (default) or debug (assertions, lock ranks, UBSan traps).
MODE ?= release
OUT := out/$(MODE)
# V=1 shows the commands.
Q := $(if $(V),,@)
all: kernel ambos image ## host command, kernel and default image

include build/toolchains.mk
include build/rules.mk
include build/kernel.mk
include build/services.mk
include build/tools.mk
include build/windows.mk
include build/windows-apps.mk
include build/image.mk
include build/tests.mk

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile build/*.mk | sed -E 's/:.*## /\t/' | sort | expand -t 16

clean: ## remove build output (not the image cache)
	rm -rf out ambos

.PHONY: all help clean
-include $(shell find out -name '*.d' 2>/dev/null)
