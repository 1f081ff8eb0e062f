# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make http   the web server with real clients, built with clang's sanitizers and without

HTTP_SERVE := $(OUT)/http/serve $(OUT)/http/serve-asan
HTTP_BASE  := $(patsubst %,base/%.o,clock safe_open shown utf8) # what the web server uses of base/
HTTP_PLAIN := $(HTTP_OBJ) $(addprefix $(OUT)/,$(HTTP_BASE))
HTTP_ASAN  := $(ASAN_HTTP) $(addprefix $(OUT)/asan/,$(HTTP_BASE))

.PHONY: http http-build
http-build: $(HTTP_SERVE)
http: http-build
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/http

$(OUT)/http/serve: tests/http/serve.c $(HTTP_PLAIN) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MMD -MP -MF $@.d -MT $@ $< $(HTTP_PLAIN) $(LDFLAGS) \
		$(HTTP_LIBS) -o $@

$(OUT)/http/serve-asan: tests/http/serve.c $(HTTP_ASAN) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(ASAN_FLAGS) -MMD -MP -MF $@.d -MT $@ $< $(HTTP_ASAN) \
		$(HTTP_LIBS) -o $@

-include $(wildcard $(OUT)/http/*.d)
