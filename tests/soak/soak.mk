# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make soak                    an hour among hostile neighbours, root; a table of what it took
# make soak SOAK_SECONDS=300   a shorter one

SOAK_SECONDS ?= 3600
SOAK_BIN     := $(addprefix $(OUT)/soak/,pair paths)

.PHONY: soak
soak: all $(SOAK_BIN)
	$(Q)tests/soak/run $(SOAK_SECONDS) $(OUT)/soak

# Their stacks are what is looked at.
$(OUT)/soak/%: tests/soak/%.c $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -fno-omit-frame-pointer -fno-optimize-sibling-calls $(LDFLAGS) $< -o $@
