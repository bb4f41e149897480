# SPDX-License-Identifier: MIT
# Our Windows DLLs: windows/<name>/*.c with mingw's compiler and headers, no C library, no libgcc start files.
# The link lists come from windows/<name>/exports*.def by build/exports.awk; names without code get a stub that ends the program.
CC_WINDOWS ?= x86_64-w64-mingw32-gcc
NM_WINDOWS ?= x86_64-w64-mingw32-nm
WINDOWS_OUT := out/windows
WINDOWS_GENERATED := $(WINDOWS_OUT)/generated
WINDOWS_DLLS := $(WINDOWS_OUT)/ntdll.dll $(WINDOWS_OUT)/bcryptprimitives.dll $(WINDOWS_OUT)/win32u.dll
# No builtin memcpy loops inside memcpy, no SEH surprises, no dllimport on our own names.
CFLAGS_WINDOWS := -std=gnu11 -g -O2 $(WARNINGS) -fno-strict-aliasing -MMD -MP -ffreestanding -fno-stack-protector -fno-ident \
	-fno-tree-loop-distribute-patterns -fno-builtin -mno-ms-bitfields -fcf-protection=none -Wno-unknown-pragmas -Wno-array-bounds \
	-D_NTSYSTEM_ -D_CRTIMP= -D_WIN32_WINNT=0x0A00 -DAMBOS_WINDOWS -Iabi -Iwindows/ntdll -I$(WINDOWS_GENERATED)
LDFLAGS_WINDOWS := -shared -nostdlib -Wl,--disable-auto-import -Wl,--dynamicbase -Wl,--nxcompat -Wl,--high-entropy-va \
	-Wl,--file-alignment,0x1000 -Wl,--section-alignment,0x1000 -Wl,--major-os-version,10,--major-subsystem-version,10 -Wl,--subsystem,console
$(eval $(call flags_stamp,windows,CFLAGS_WINDOWS))

$(OUT)/w/%.c.o: %.c $(OUT)/windows.flags
	@mkdir -p $(@D)
	$(Q)$(CC_WINDOWS) $(CFLAGS_WINDOWS) -c $< -o $@
$(OUT)/w/%.S.o: %.S $(OUT)/windows.flags
	@mkdir -p $(@D)
	$(Q)$(CC_WINDOWS) $(CFLAGS_WINDOWS) -c $< -o $@

# Normalisation and names of domains: the tables are made of what python3 knows.
UNICODE_TABLES := $(WINDOWS_GENERATED)/unicode_tables.h
$(UNICODE_TABLES): build/unicode_tables.py
	@mkdir -p $(@D)
	$(Q)python3 $< > $@.new && mv $@.new $@
$(OUT)/w/windows/ntdll/unicode.c.o: $(UNICODE_TABLES)

# windows_dll(name, image base, entry, call table or /dev/null)
define windows_dll
$(1)_WINDOWS_EXPORTS := $$(wildcard windows/$(1)/exports*.def)
$(1)_WINDOWS_OBJECTS := $$(patsubst %,$$(OUT)/w/%.o,$$(filter-out %_test.c %_fuzz.c,$$(wildcard windows/$(1)/*.c windows/$(1)/*.S)))
$$(WINDOWS_OUT)/$(1).dll: $$($(1)_WINDOWS_OBJECTS) $$($(1)_WINDOWS_EXPORTS) build/exports.awk build/windows.mk abi/nt/syscalls.def
	@mkdir -p $$(@D) $$(OUT)/w/windows/$(1)
	$$(Q)$$(NM_WINDOWS) -g --defined-only $$($(1)_WINDOWS_OBJECTS) > $$(OUT)/w/windows/$(1)/names
	$$(Q)awk -v LIBRARY=$(1).dll -v REFUSE=$$($(1)_WINDOWS_REFUSE) -v STUBS=$$(OUT)/w/windows/$(1)/stubs.S -f build/exports.awk $$(OUT)/w/windows/$(1)/names $(4) $$($(1)_WINDOWS_EXPORTS) \
		> $$(OUT)/w/windows/$(1)/link.def
	$$(Q)$$(CC_WINDOWS) -c $$(OUT)/w/windows/$(1)/stubs.S -o $$(OUT)/w/windows/$(1)/stubs.o
	$$(Q)$$(CC_WINDOWS) $$(LDFLAGS_WINDOWS) -Wl,--image-base,$(2) -Wl,-e,$(3) -o $$@ $$($(1)_WINDOWS_OBJECTS) \
		$$(OUT)/w/windows/$(1)/stubs.o $$(OUT)/w/windows/$(1)/link.def $$($(1)_WINDOWS_LIBRARIES)
endef
ntdll_import := $(WINDOWS_OUT)/libntdll.a
$(ntdll_import): $(WINDOWS_OUT)/ntdll.dll
	$(Q)x86_64-w64-mingw32-dlltool -d $(OUT)/w/windows/ntdll/link.def -l $@
bcryptprimitives_WINDOWS_LIBRARIES := $(ntdll_import)
win32u_WINDOWS_REFUSE := win32u_refuse
win32u_WINDOWS_LIBRARIES := $(ntdll_import)
$(eval $(call windows_dll,ntdll,0x170000000,0,abi/nt/syscalls.def))
$(eval $(call windows_dll,bcryptprimitives,0x171000000,LibraryEntry,/dev/null))
$(eval $(call windows_dll,win32u,0x172000000,LibraryEntry,/dev/null))
$(WINDOWS_OUT)/bcryptprimitives.dll $(WINDOWS_OUT)/win32u.dll: $(ntdll_import)

windows: $(WINDOWS_DLLS) ## our Windows DLLs
all: windows
.PHONY: windows
