# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check      builds, then every stage below but lint; the last line is "N passed, N failed"
# make unit       tests/unit with $(CC); make unit-asan: with clang and its sanitizers
# make replay     recorded events against expected output
# make live       real sockets, root: most tests side by side, then one by one those that must be alone
# make http       the web server with real clients, no privileges
# make check-deploy  units, rules, dashboard and manifests with the tools that read them, root
# make check-fleet  the exporter with Prometheus, Chromium and hostile clients, root
# make lint       style and bug checks

PYTHON	   ?= /usr/bin/python3
CLANG_TIDY ?= clang-tidy

UNIT_SRC   := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN   := $(UNIT_SRC:tests/unit/%.c=$(OUT)/unit/%)
UNIT_LIBS  := $(LDLIBS) -ljansson -lcmocka $(HTTP_LIBS)
UNIT_OBJ   := $(CORE_OBJ) $(HTTP_OBJ)
ASAN_BIN   := $(UNIT_SRC:tests/unit/%.c=$(OUT)/asan/%)
ASAN_OBJ   := $(CORE_SRC:user/%.c=$(OUT)/asan/%.o)
ASAN_HTTP  := $(HTTP_SRC:user/%.c=$(OUT)/asan/%.o)
ASAN_FLAGS := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# Objects that the fuzz targets link, too; without libFuzzer its hooks do nothing.
ASAN_COVER := -fsanitize=fuzzer-no-link

.PHONY: unit unit-asan replay live live-together live-alone
.SECONDARY: $(ASAN_OBJ) $(ASAN_HTTP)

check:
	+$(Q)MAKE="$(MAKE)" tests/run-all

unit: $(UNIT_BIN)
	$(Q)tests/run-unit $^

unit-asan: $(ASAN_BIN)
	$(Q)tests/run-unit $^

replay: all
	$(Q)tests/replay/run

live: all symbols-build
	$(Q)PYTHON="$(PYTHON)" tests/live/run together alone

live-together live-alone: live-%: all symbols-build
	$(Q)PYTHON="$(PYTHON)" tests/live/run $*

# The live rooms include the skeleton; it is generated code, so a system header here.
lint: $(SKELETON) $(PAGES)
	$(Q)CLANG_TIDY="$(CLANG_TIDY)" tests/lint -std=c11 -D_GNU_SOURCE -isystem $(OUT) -Iuser -Ibpf

$(OUT)/unit/%: tests/unit/%.c $(UNIT_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Itests/unit -MMD -MP -MF $@.d -MT $@ $< $(UNIT_OBJ) $(LDFLAGS) $(UNIT_LIBS) -o $@

$(OUT)/asan/%.o: user/%.c $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(ASAN_FLAGS) $(ASAN_COVER) -MMD -MP -MF $@.d -c $< -o $@

$(OUT)/asan/%: tests/unit/%.c $(ASAN_OBJ) $(ASAN_HTTP) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(ASAN_FLAGS) -Itests/unit -MMD -MP -MF $@.d -MT $@ $< $(ASAN_OBJ) $(ASAN_HTTP) \
		$(UNIT_LIBS) -o $@

-include $(wildcard $(OUT)/unit/*/*.d $(OUT)/asan/*/*.d tests/*/*.mk)
