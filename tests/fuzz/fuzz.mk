# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make fuzz         every target for FUZZ_SECONDS (60); finds stay in .output/fuzz
# make fuzz-smoke   every target for 5 s, from the seeds

FUZZ_SECONDS ?= 60
FUZZ_FLAGS   := -O1 -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_SRC     := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN     := $(FUZZ_SRC:tests/fuzz/%.c=$(OUT)/fuzz/%)
# Those of the unit tests, which report what is executed.
FUZZ_OBJ     := $(ASAN_OBJ) $(ASAN_HTTP)

.PHONY: fuzz fuzz-smoke fuzz-build
fuzz-build: $(FUZZ_BIN)

fuzz: $(FUZZ_BIN)
	$(Q)tests/fuzz/run $(FUZZ_SECONDS) $^

fuzz-smoke: $(FUZZ_BIN)
	$(Q)tests/fuzz/run 5 $^

# fuzz_options includes options.c, and usage.c, which ends the process.
$(OUT)/fuzz/fuzz_options: FUZZ_LEFT_OUT := $(addprefix $(OUT)/asan/cli/,options.o usage.o)
$(OUT)/fuzz/fuzz_proc: private LDLIBS += -Wl,--wrap=open
$(OUT)/fuzz/%: tests/fuzz/%.c $(FUZZ_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -MMD -MP -MF $@.d \
		-MT $@ $< $(filter-out $(FUZZ_LEFT_OUT),$(FUZZ_OBJ)) $(LDLIBS) -ljansson \
		$(HTTP_LIBS) -o $@

-include $(wildcard $(OUT)/fuzz/*.d)
