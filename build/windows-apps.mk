# SPDX-License-Identifier: MIT
# Demos for Windows in apps/windows: ordinary mingw programs, compiled without anything of this tree. clang for __try.
APPS_OUT := out/windows/apps
WINDOWS_APPS := $(patsubst apps/windows/%.c,%,$(filter-out apps/windows/library.c apps/windows/loading.c apps/windows/seh.c,$(wildcard apps/windows/*.c)))
CFLAGS_APPS := -std=gnu11 -O2 -Wall -Wextra -Wno-unused-parameter -D_WIN32_WINNT=0x0A00
CC_APPS := x86_64-w64-mingw32-gcc

$(APPS_OUT)/%.exe: apps/windows/%.c apps/windows/expect.h
	@mkdir -p $(@D)
	$(Q)$(CC_APPS) $(CFLAGS_APPS) -o $@ $< -lsynchronization
$(APPS_OUT)/exceptions.exe: apps/windows/exceptions.cpp apps/windows/expect.h
	@mkdir -p $(@D)
	$(Q)x86_64-w64-mingw32-g++ -static -O2 -Wall -D_WIN32_WINNT=0x0A00 -o $@ $<
$(APPS_OUT)/seh.exe: apps/windows/seh.c apps/windows/expect.h
	@mkdir -p $(@D)
	$(Q)clang --target=x86_64-w64-mingw32 -fms-extensions -std=gnu11 -O1 -Wall -Wno-unused-value -D_WIN32_WINNT=0x0A00 -c -o $@.o $<
	$(Q)$(CC_APPS) -o $@ $@.o
# loading/ holds the program beside the library it wants; failing/ and empty/ the same program beside a broken one, absent/ alone.
$(APPS_OUT)/loading/loading.exe: apps/windows/loading.c apps/windows/library.c apps/windows/expect.h
	@mkdir -p $(@D) $(APPS_OUT)/failing $(APPS_OUT)/empty $(APPS_OUT)/absent
	$(Q)$(CC_APPS) -O2 -shared -o $(@D)/library.dll apps/windows/library.c
	$(Q)$(CC_APPS) -O2 -shared -DFAIL_ATTACH -o $(APPS_OUT)/failing/library.dll apps/windows/library.c
	$(Q)$(CC_APPS) -O2 -shared -DEMPTY -o $(APPS_OUT)/empty/library.dll apps/windows/library.c
	$(Q)$(CC_APPS) $(CFLAGS_APPS) -o $@ apps/windows/loading.c $(@D)/library.dll
	$(Q)for folder in failing empty absent; do cp $@ $(APPS_OUT)/$$folder/; done

windows-apps: $(patsubst %,$(APPS_OUT)/%.exe,$(WINDOWS_APPS) exceptions seh loading/loading) ## demos for Windows
.PHONY: windows-apps
out/windows/bench/%.exe: bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC_APPS) -O2 -o $@ $<
windows-bench: out/windows/bench/winhello.exe out/windows/bench/winmicro.exe
bench-windows: all windows-bench ## Windows rows against Wine 8.0 on Linux in the same QEMU -> bench/results.md
	tools/deps.sh build run bench
	bench/run-windows.sh
.PHONY: windows-bench bench-windows
