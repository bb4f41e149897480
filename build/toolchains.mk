# SPDX-License-Identifier: MIT
# One set of flags per toolchain. Each component sees only the include paths its layer allows (style.md).
CC_HOST ?= gcc
CC_MUSL ?= musl-gcc
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wimplicit-fallthrough -Woverride-init -Wno-unused-parameter
OPT_release := -O2
OPT_debug := -O1 -DAMBOS_DEBUG
KERNEL_SAN_release :=
KERNEL_SAN_debug := -fsanitize=undefined -fno-sanitize=alignment -fsanitize-undefined-trap-on-error -fno-omit-frame-pointer
COMMON := -std=gnu11 -g $(OPT_$(MODE)) $(WARNINGS) -fno-strict-aliasing -MMD -MP

CFLAGS_KERNEL := $(COMMON) $(KERNEL_SAN_$(MODE)) -ffreestanding -nostdinc -isystem $(shell $(CC_HOST) -print-file-name=include) \
	-fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-asynchronous-unwind-tables \
	-fstack-protector-strong -mstack-protector-guard=global -fno-common -fno-builtin-printf -fcf-protection=none \
	-DAMBOS_KERNEL -Ikernel/include -Iabi -Ilib -Ilib/base
CFLAGS_SERVICE := $(COMMON) -mgeneral-regs-only -fstack-protector-strong -fno-pie -DAMBOS_SERVICE -Iabi -Ilib
LDFLAGS_SERVICE := -static -no-pie -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--build-id=none
CFLAGS_HOST := $(COMMON) -D_GNU_SOURCE -Iabi -Ilib
