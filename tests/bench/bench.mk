# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make bench            every measurement, one report (about ten minutes; root)
# make bench BENCH=-q   a quick one, to see that it works

BENCH_BIN := $(addprefix $(OUT)/bench/,churn hold spaces places progstat attach libraries groups looks million empty.bpf.o)

.PHONY: bench bench-build
bench-build: $(BENCH_BIN)
bench: tcpwatch $(BENCH_BIN)
	$(Q)tests/bench/run-all $(BENCH)

$(OUT)/bench/%.bpf.o: tests/bench/%.bpf.c $(VMLINUX_H) $(OUT)/tools-ok
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c $< -o $@

# Its stack is what is looked at.
$(OUT)/bench/places: override CFLAGS += -fno-omit-frame-pointer -fno-optimize-sibling-calls

$(OUT)/bench/%: tests/bench/%.c tests/bench/netns.h $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $< -o $@ -pthread $(LDLIBS)

$(OUT)/bench/spaces: tests/live/helper_spaces.c $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $< -o $@

$(addprefix $(OUT)/bench/,libraries groups million): $(OUT)/bench/%: tests/bench/%.c $(CORE_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $< $(CORE_OBJ) $(LDLIBS) -ljansson -o $@

$(OUT)/bench/looks: tests/bench/looks.c tests/unit/look.h $(CORE_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $< $(CORE_OBJ) $(LDLIBS) -ljansson -lcmocka -o $@
