# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make http   the web server with real clients, built with clang's sanitizers and without

HTTP_SERVE := $(OUT)/http/serve $(OUT)/http/serve-asan

.PHONY: http http-build
http-build: $(HTTP_SERVE)
http: http-build
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/http

$(OUT)/http/serve: tests/http/serve.c $(HTTP_OBJ) $(OUT)/base/clock.o $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(HTTP_OBJ) $(OUT)/base/clock.o $(LDFLAGS) \
		$(HTTP_LIBS) -o $@

$(OUT)/http/serve-asan: tests/http/serve.c $(ASAN_HTTP) $(OUT)/asan/base/clock.o $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(ASAN_FLAGS) -MMD -MP -MF $@.d -MT $@ $< $(ASAN_HTTP) \
		$(OUT)/asan/base/clock.o $(HTTP_LIBS) -o $@

-include $(wildcard $(OUT)/http/*.d)
