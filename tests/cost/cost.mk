# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check-cost   instructions for each record, compared with tests/cost/figures.json

.PHONY: check-cost
check-cost: $(OUT)/cost/cost
	$(Q)CC="$(CC)" $(PYTHON) tests/cost/check $<

$(OUT)/cost/cost: tests/cost/cost.c $(CORE_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(CORE_OBJ) $(LDFLAGS) $(LDLIBS) -ljansson -o $@

-include $(wildcard $(OUT)/cost/*.d)
