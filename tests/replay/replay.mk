# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make replay   replays every log with a build for users and with one that has clang's sanitizers

REPLAY_LIBS := $(LDLIBS) -ljansson
REPLAY_BIN  := $(OUT)/replay/replay $(OUT)/replay/replay-asan

.PHONY: replay-build
replay: replay-build
replay-build: $(REPLAY_BIN)

$(OUT)/replay/replay: tests/replay/replay.c $(CORE_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(CORE_OBJ) $(LDFLAGS) $(REPLAY_LIBS) -o $@

$(OUT)/replay/replay-asan: tests/replay/replay.c $(ASAN_OBJ) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(ASAN_FLAGS) -MMD -MP -MF $@.d -MT $@ $< $(ASAN_OBJ) $(REPLAY_LIBS) -o $@

-include $(wildcard $(OUT)/replay/*.d)
