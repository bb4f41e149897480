# SPDX-License-Identifier: MIT
# kernel.elf: kernel/ + lib/base + lib/elf, with the boot archive (build/services.mk) inside.
# Linked twice: the symbol table of the first pass is compiled in for symbolised panics.
KERNEL_SOURCES := $(shell find kernel lib/base lib/elf -name '*.c' ! -path 'kernel/vdso/*' ! -name '*_test.c' ! -name '*_fuzz.c') $(shell find kernel -name '*.S')
KERNEL_OBJECTS := $(patsubst %,$(OUT)/k/%.o,$(KERNEL_SOURCES))
KERNEL := $(OUT)/kernel.elf

kernel: $(KERNEL) ## kernel with its boot archive
$(KERNEL): $(KERNEL_OBJECTS) $(OUT)/k/boot_archive.o kernel/kernel.ld build/symbols.awk
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) -nostdlib -static -no-pie -Wl,-T,kernel/kernel.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -o $@.pass1 $(KERNEL_OBJECTS) $(OUT)/k/boot_archive.o
	$(Q)nm -n $@.pass1 | awk -f build/symbols.awk > $(OUT)/symbols.S
	$(Q)$(CC_HOST) -c $(OUT)/symbols.S -Wa,--noexecstack -o $(OUT)/symbols.o
	$(Q)$(CC_HOST) -nostdlib -static -no-pie -Wl,-T,kernel/kernel.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -o $@ $(KERNEL_OBJECTS) $(OUT)/k/boot_archive.o $(OUT)/symbols.o
.PHONY: kernel

# The vDSO is user code of its own: position independent, one page, embedded as bytes.
VDSO := $(OUT)/vdso.so
CFLAGS_VDSO := -std=gnu11 -O2 $(WARNINGS) -fPIC -ffreestanding -fno-stack-protector -fcf-protection=none -mgeneral-regs-only
LDFLAGS_VDSO := -shared -nostdlib -Wl,-T,kernel/vdso/vdso.lds -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both -Wl,-Bsymbolic \
	-Wl,--eh-frame-hdr -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--no-undefined -s
$(VDSO): kernel/vdso/vdso.c kernel/vdso/vdso.lds kernel/vdso/vdso_data.h build/kernel.mk
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) $(CFLAGS_VDSO) $(LDFLAGS_VDSO) -o $@ $<
$(OUT)/k/kernel/linux/vdso_image.S.o: CFLAGS_KERNEL += -DVDSO_IMAGE='"$(VDSO)"'
$(OUT)/k/kernel/linux/vdso_image.S.o: $(VDSO)
