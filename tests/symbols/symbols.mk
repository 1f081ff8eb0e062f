# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# Programs that tests/bench/symbols and people use: .output/symbols/symbolize PID ADDRESS...
SYMBOLS_BIN := $(patsubst tests/symbols/%.c,$(OUT)/symbols/%,$(wildcard tests/symbols/*.c))

.PHONY: symbols-build
symbols-build: $(SYMBOLS_BIN)

$(OUT)/symbols/%: tests/symbols/%.c $(CORE_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(CORE_OBJ) $(LDFLAGS) $(LDLIBS) -ljansson -o $@

-include $(wildcard $(OUT)/symbols/*.d)
