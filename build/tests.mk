# SPDX-License-Identifier: MIT
# Tests: host unit tests (*_test.c beside the code, under ASan and UBSan), conformance programs (tests/linux,
# native first, then in the guest), system scripts (tests/system). Each ends in one line "N passed, N failed".
TEST_OUT := out/tests
CONFORMANCE := $(patsubst tests/linux/%.c,%,$(wildcard tests/linux/*.c))
CONFORMANCE_BINARIES := $(foreach c,$(CONFORMANCE),$(TEST_OUT)/linux/$(c) $(TEST_OUT)/linux-musl/$(c) $(TEST_OUT)/linux-dynamic/$(c))
CFLAGS_TEST := -std=gnu11 -O1 -g -Wall -Wextra -Wno-unused-parameter -Wno-unused-result -D_GNU_SOURCE -pthread

$(TEST_OUT)/linux/%: tests/linux/%.c tests/linux/check.h tests/cases.h
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) $(CFLAGS_TEST) -static -o $@ $<
$(TEST_OUT)/linux-dynamic/%: tests/linux/%.c tests/linux/check.h tests/cases.h
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) $(CFLAGS_TEST) -o $@ $<
$(TEST_OUT)/linux-musl/%: tests/linux/%.c tests/linux/check.h tests/cases.h
	@mkdir -p $(@D)
	$(Q)$(CC_MUSL) $(CFLAGS_TEST) -idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu -static -o $@ $<

# tests/nt: for wine64 first, then for the guest (tests/system/nt.sh).
NT_CONFORMANCE := $(patsubst tests/nt/%.c,$(TEST_OUT)/nt/%.exe,$(wildcard tests/nt/*.c))
$(TEST_OUT)/nt/%.exe: tests/nt/%.c tests/nt/check.h tests/cases.h
	@mkdir -p $(@D)
	$(Q)x86_64-w64-mingw32-gcc -std=gnu11 -O1 -Wall -Wextra -Wno-unused-parameter -D_WIN32_WINNT=0x0A00 -o $@ $(filter %.c %.o,$^) -ladvapi32 -lole32 -loleaut32 -luuid
# A program with resources names its object here.
$(TEST_OUT)/nt/actctx.exe: $(TEST_OUT)/nt/actctx.o
$(TEST_OUT)/nt/actctx.o: tests/nt/actctx.rc tests/nt/actctx.manifest
	@mkdir -p $(@D)
	$(Q)x86_64-w64-mingw32-windres -I tests/nt -o $@ $<
nt-conformance: $(NT_CONFORMANCE)
.PHONY: nt-conformance

conformance: $(CONFORMANCE_BINARIES) ## build the conformance programs
unit: ## host unit tests under ASan and UBSan
	tools/deps.sh build test
	tests/run-unit.sh
check: ## fast tests: unit, native conformance, one boot (up to 3 minutes)
	tools/deps.sh build run test
	$(MAKE) --no-print-directory all conformance
	tests/run.sh check
test: ## everything, up to 20 minutes once the image is cached
	tools/deps.sh build run test
	$(MAKE) --no-print-directory all conformance
	$(MAKE) --no-print-directory MODE=debug kernel
	tests/run.sh test
fuzz: ## libFuzzer harnesses, FUZZ_SECONDS each (default 30)
	tools/deps.sh build test
	tests/run-fuzz.sh $(or $(FUZZ_SECONDS),30)
.PHONY: conformance unit check test fuzz
bench: all ## every osbench row against Linux in the same QEMU, both views -> bench/results.md
	tools/deps.sh build run bench
	bench/run.sh $(or $(BENCH_RUNS),7)
accept: ## every line an issue must show, once (about two hours; STAGES=PATTERN takes some)
	tools/deps.sh build run test
	$(MAKE) --no-print-directory all conformance
	$(MAKE) --no-print-directory MODE=debug kernel
	tests/run.sh accept
.PHONY: bench accept
coverage: kernel ## docs/abi-coverage.md from the .def table and the linked kernel
	python3 tools/coverage.py $(KERNEL) > docs/abi-coverage.md
.PHONY: coverage
lint: ## clang, gcc -fanalyzer, clang-tidy and the style check
	tools/deps.sh build test
	tools/lint.sh
.PHONY: lint
soak: all ## fuzzed ELF files, random calls, kills and workloads for SOAK_MINUTES (default 60)
	tools/deps.sh build run test
	tests/soak.sh
debug: image ambos ## debug kernel waiting for gdb on a socket, with our gdb commands loaded
	$(MAKE) --no-print-directory MODE=debug kernel
	@echo 'in another terminal: gdb out/debug/kernel.elf -ex "target remote out/gdb.sock" -ex "source tools/gdb/ambos.py"'
	AMBOS_KERNEL=out/debug/kernel.elf ./ambos run --qemu-arg -S --qemu-arg -gdb --qemu-arg unix:out/gdb.sock,server,nowait -- $(or $(PROGRAM),bash)
trace: all ## decoded calls of PROGRAM (default true) on standard error
	./ambos run --trace -- $(or $(PROGRAM),true)
size: kernel ## sections of the kernel and the services
	size $(KERNEL) $(OUT)/services/*
.PHONY: soak debug trace size
corpus: ## fetch the corpus of real Windows programs by npm name into .cache/corpus
	tools/corpus/fetch.sh
corpus-test: all corpus ## each program of the corpus at a job, compared with the Linux program or the text that is due
	tests/corpus/run.sh
	tests/corpus/kill.sh
.PHONY: corpus corpus-test
winetest: all ## Wine's own tests from Debian's source package, built below .cache/winetest and run; counts beside docs/winetest.md
	tools/winetest/build.sh
	tools/winetest/run.sh
.PHONY: winetest
