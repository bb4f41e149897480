# SPDX-License-Identifier: MIT
# kernel.elf: kernel/ + lib/base + lib/elf, with the boot archive (build/services.mk) inside.
# Linked twice: the symbol table of the first pass is compiled in for symbolised panics.
KERNEL_SOURCES := $(shell find kernel lib/base lib/elf -name '*.c' ! -name '*_test.c' ! -name '*_fuzz.c') $(shell find kernel -name '*.S')
KERNEL_OBJECTS := $(patsubst %,$(OUT)/k/%.o,$(basename $(KERNEL_SOURCES)))
KERNEL := $(OUT)/kernel.elf

kernel: $(KERNEL) ## kernel with its boot archive
$(KERNEL): $(KERNEL_OBJECTS) $(OUT)/k/boot_archive.o kernel/kernel.ld build/symbols.awk
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) -nostdlib -static -no-pie -Wl,-T,kernel/kernel.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -o $@.pass1 $(KERNEL_OBJECTS) $(OUT)/k/boot_archive.o
	nm -n $@.pass1 | awk -f build/symbols.awk > $(OUT)/symbols.S
	$(Q)$(CC_HOST) -c $(OUT)/symbols.S -o $(OUT)/symbols.o
	$(Q)$(CC_HOST) -nostdlib -static -no-pie -Wl,-T,kernel/kernel.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 -o $@ $(KERNEL_OBJECTS) $(OUT)/k/boot_archive.o $(OUT)/symbols.o
.PHONY: kernel
