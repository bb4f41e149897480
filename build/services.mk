# SPDX-License-Identifier: MIT
# Each service is a static musl ELF; all of them with their manifests form the boot archive, a table of
# { name, start, end } in the kernel's read-only data (kernel/include/boot_archive.h).
SERVICES := rootd toyd vfsd syscalld loaderd initd runtimed storaged ntd
SERVICES := $(foreach s,$(SERVICES),$(if $(wildcard services/$(s)/main.c),$(s)))
SERVICE_LIB_SOURCES := $(shell find lib/base lib/service lib/elf lib/pe lib/erofs lib/control -name '*.c' ! -name '*_test.c' ! -name '*_fuzz.c')
SERVICE_LIB_OBJECTS := $(patsubst %.c,$(OUT)/s/%.o,$(SERVICE_LIB_SOURCES))

define service_rule
$(1)_OBJECTS := $$(patsubst %.c,$$(OUT)/s/%.o,$$(filter-out %_test.c %_fuzz.c,$$(wildcard services/$(1)/*.c)))
$$(OUT)/services/$(1): $$($(1)_OBJECTS) $$(SERVICE_LIB_OBJECTS)
	@mkdir -p $$(@D)
	$$(Q)$$(CC_MUSL) $$(LDFLAGS_SERVICE) -o $$@ $$^
$$(OUT)/s/services/$(1)/%.o: CFLAGS_SERVICE += -Iservices/$(1)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rule,$(s))))

# Extra boot archive members for bring-up and tests: make BOOT_EXTRA="path ..."; started with init=NAME on the command line.
BOOT_EXTRA ?=
BOOT_MEMBERS := $(patsubst %,$(OUT)/services/%,$(SERVICES)) $(foreach s,$(SERVICES),$(wildcard services/$(s)/$(s).manifest)) $(wildcard registry/policy/*.conf registry/windows/*.reg) \
	$(OUT)/registry/dlls.reg $(BOOT_EXTRA)
# What Wine's DLLs bring along for the registry: made from the package, not kept in the repository.
$(OUT)/registry/dlls.reg: registry/compat/windows-system-dlls.txt tools/image/registry_scripts.py tools/image/windows.sh
	@mkdir -p $(@D)
	$(Q)tools/image/windows.sh registry > $@.new && mv $@.new $@
$(OUT)/boot_archive.S: $(BOOT_MEMBERS) build/services.mk FORCE
	@mkdir -p $(@D)
	@{ echo '.section .rodata.archive,"a"'; echo '.globl boot_archive'; echo '.balign 8'; echo 'boot_archive:'; i=0; \
	  for f in $(BOOT_MEMBERS); do i=$$((i+1)); echo ".quad aname_$$i, astart_$$i, aend_$$i"; done; echo '.quad 0,0,0'; i=0; \
	  for f in $(BOOT_MEMBERS); do i=$$((i+1)); echo "aname_$$i: .asciz \"$$(basename $$f)\""; \
	  echo ".balign 4096"; echo "astart_$$i: .incbin \"$$f\""; echo "aend_$$i:"; done; echo '.balign 4096'; } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(OUT)/k/boot_archive.o: $(OUT)/boot_archive.S $(BOOT_MEMBERS)
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) -Wa,--noexecstack -c $< -o $@
