# SPDX-License-Identifier: MIT
# Host programs. ambos is the launcher.
AMBOS_SOURCES := $(filter-out %_test.c,$(wildcard tools/ambos/*.c)) lib/control/control.c
ambos: $(patsubst %.c,$(OUT)/h/%.o,$(AMBOS_SOURCES)) ## the host command
	$(Q)$(CC_HOST) -o $@ $^
