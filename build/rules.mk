# SPDX-License-Identifier: MIT
# One compile rule per toolchain. Objects depend on a stamp of their flags, so a changed flag rebuilds.
define flags_stamp
$(OUT)/$(1).flags: FORCE
	@mkdir -p $$(@D); echo '$$($(2))' | cmp -s - $$@ || echo '$$($(2))' > $$@
endef
$(eval $(call flags_stamp,kernel,CFLAGS_KERNEL))
$(eval $(call flags_stamp,service,CFLAGS_SERVICE))
$(eval $(call flags_stamp,host,CFLAGS_HOST))
FORCE:
.PHONY: FORCE

# Objects keep the ending of their source: a boot.S that replaces a boot.c must not meet the old one's dependencies.
$(OUT)/k/%.c.o: %.c $(OUT)/kernel.flags
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) $(CFLAGS_KERNEL) -c $< -o $@
$(OUT)/k/%.S.o: %.S $(OUT)/kernel.flags
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) $(CFLAGS_KERNEL) -D__ASSEMBLY__ -c $< -o $@
$(OUT)/s/%.o: %.c $(OUT)/service.flags
	@mkdir -p $(@D)
	$(Q)$(CC_MUSL) $(CFLAGS_SERVICE) -c $< -o $@
$(OUT)/h/%.o: %.c $(OUT)/host.flags
	@mkdir -p $(@D)
	$(Q)$(CC_HOST) $(CFLAGS_HOST) -c $< -o $@
