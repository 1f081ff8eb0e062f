# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make            builds ./tcpwatch (V=1 shows the commands)
# make deps       installs what building needs; make deps GOAL... what these goals need, too (Debian 12, root)
# make check      runs every test; make lint the style and bug checks; make bench the measurements
# make demo       shows tcpwatch catching a leak
# make install    puts it under PREFIX, with units for systemd and files for Prometheus; make uninstall
# VMLINUX_H=path  builds against a full vmlinux.h instead of the trimmed one

PREFIX	  ?= /usr/local
CLANG	  ?= clang
CC	  ?= cc
BPFTOOL	  ?= $(firstword $(shell command -v bpftool 2>/dev/null) $(wildcard /usr/sbin/bpftool))
OUT	  := .output
PROGRAM	  := tcpwatch
VERSION	  := $(shell sed -n 's/^\#define TCPWATCH_VERSION "\(.*\)"/\1/p' user/base/version.h)
MACHINE	  := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
if_taken   = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo $(1))
ARCH	  := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/; s/riscv64/riscv/; s/ppc64le/powerpc/; s/s390x/s390/')
VMLINUX_H ?= vmlinux/vmlinux.h

CFLAGS	 ?= -O2 -g
SANITIZE ?=
WARN	 := -Wall -Wextra -Werror
# Where the build is, and when, does not show in it.
ANYWHERE := -ffile-prefix-map=$(CURDIR)=.
override CFLAGS	 += -std=c11 -D_GNU_SOURCE $(WARN) $(SANITIZE) $(ANYWHERE) -I$(OUT) -Iuser -Ibpf
override LDFLAGS += $(SANITIZE) $(if $(LTO),-fno-lto)
LDLIBS	 := -lbpf -ldw -lelf -lz -lcap-ng -lseccomp -l:libstdc++.so.6
HTTP_LIBS := -lmicrohttpd -lgnutls -lyaml -lcrypt -lsystemd -lz -pthread
BPFFLAGS := -g -O2 -target bpf $(ANYWHERE) -D__TARGET_ARCH_$(ARCH) -I$(dir $(VMLINUX_H)) -Ibpf $(WARN) -Wno-unused-parameter \
	    -include $(VMLINUX_H)

# What makes a fault harder to exploit. The sanitizers bring checks of their own; without optimization
# glibc refuses _FORTIFY_SOURCE.
HARDEN	 := $(if $(SANITIZE),,-fPIE -fstack-protector-strong $(if $(filter x86_64,$(MACHINE)),-fcf-protection) \
	    $(if $(filter aarch64,$(MACHINE)),$(call if_taken,-mbranch-protection=standard)) \
	    $(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3))
HARDEN_LD := $(if $(SANITIZE),,-pie -Wl,-z,relro,-z,now,-z,noexecstack)

# What a record goes through is optimized as a whole in the program, by gcc. Tests link the same objects
# as they are, which is quicker; for the program "make LTO=" is.
LTO	 ?= $(if $(SANITIZE),,$(call if_taken,-flto=auto -ffat-lto-objects))
LTO	 := $(LTO)
LTO_OBJ	 := $(patsubst user/%.c,$(OUT)/%.o,$(wildcard $(addprefix user/,$(addsuffix /*.c,base model metric track leak finding engine))))
# Such an object has the name of its folder, so that ccache must not give it to another one.
LTO_CC	 := $(if $(LTO),CCACHE_NAMESPACE="$(CURDIR)")

# The maps are in config.bpf.c: the linker of libbpf 1.1 wants them before their users.
BPF_SRC	 := bpf/config.bpf.c $(filter-out bpf/config.bpf.c,$(sort $(wildcard bpf/*.bpf.c)))
BPF_OBJ	 := $(BPF_SRC:bpf/%.c=$(OUT)/%.o)
SKELETON := $(OUT)/tcpwatch.skel.h
# What needs the kernel or systemd, or joins core and web server.
LIVE_SRC := $(sort $(wildcard user/*.c user/kernel/*.c))
# The web server: a component of its own, with libraries of its own.
HTTP_SRC := $(sort $(wildcard user/http/*.c))
HTTP_OBJ := $(HTTP_SRC:user/%.c=$(OUT)/%.o)
# Everything else is the core that the tests link.
CORE_SRC := $(filter-out $(LIVE_SRC) $(HTTP_SRC),$(sort $(wildcard user/*/*.c)))
CORE_OBJ := $(CORE_SRC:user/%.c=$(OUT)/%.o)
# A part of the core that only tests use so far.
TEST_OBJ := $(patsubst user/%.c,$(OUT)/%.o,$(wildcard user/replay/*.c))
LIVE_OBJ := $(LIVE_SRC:user/%.c=$(OUT)/%.o)

ifeq ($(V),1)
Q   :=
msg :=
else
Q   := @
msg = @printf '  %-8s %s\n' "$(1)" "$(patsubst $(CURDIR)/%,%,$(2))";
MAKEFLAGS += --no-print-directory
endif

.DELETE_ON_ERROR:
.PHONY: all deps demo check lint bench fuzz clean help
all: $(PROGRAM)

$(OUT)/tools-ok: Makefile tools/check-tools
	$(Q)mkdir -p $(OUT)
	$(Q)CC="$(CC)" CLANG="$(CLANG)" BPFTOOL="$(BPFTOOL)" tools/check-tools
	$(Q)touch $@

$(OUT)/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) $(VMLINUX_H) $(OUT)/tools-ok
	$(call msg,BPF,$@)
	$(Q)$(CLANG) $(BPFFLAGS) -c $< -o $@

$(OUT)/tcpwatch.bpf.linked.o: $(BPF_OBJ)
	$(call msg,LINK-BPF,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(SKELETON): $(OUT)/tcpwatch.bpf.linked.o
	$(call msg,SKELETON,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name tcpwatch > $@

$(OUT)/%.o: user/%.c $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(if $(filter $@,$(LTO_OBJ)),$(LTO_CC)) $(CC) $(CFLAGS) $(HARDEN) $(if $(filter $@,$(LTO_OBJ)),$(LTO)) -MMD -MP -c $< -o $@

$(LIVE_OBJ): $(SKELETON)

# The pages of --explain are those of the documentation.
PAGES	 := $(OUT)/explain_pages.h
$(PAGES): tools/explain-pages docs/findings.md docs/tcp-states.md $(OUT)/tools-ok
	$(call msg,PAGES,$@)
	$(Q)tools/explain-pages docs/findings.md docs/tcp-states.md > $@

$(addsuffix /cli/explain.o,$(OUT) $(OUT)/asan $(OUT)/fuzz/core): $(PAGES)

$(PROGRAM): $(LIVE_OBJ) $(HTTP_OBJ) $(filter-out $(TEST_OBJ),$(CORE_OBJ))
	$(call msg,LINK,$@)
	$(Q)$(CC) $(filter-out -fno-lto,$(LDFLAGS)) $(if $(LTO),$(LTO) $(CFLAGS) $(HARDEN)) $(HARDEN_LD) $^ $(LDLIBS) $(HTTP_LIBS) -o $@

-include $(wildcard $(OUT)/*.d $(OUT)/*/*.d)
include deploy/install.mk
include tests/tests.mk

docs/tcp-states.svg: tools/state-diagram user/model/tcp_states.def
	$(call msg,SVG,$@)
	$(Q)tools/state-diagram user/model/tcp_states.def > $@

# The packages come before anything that is made with them, with -j as well.
DEPS_FOR := $(filter-out deps,$(MAKECMDGOALS))
deps:
	$(Q)tools/install-deps $(DEPS_FOR)
ifneq ($(filter deps,$(MAKECMDGOALS)),)
$(sort $(OUT)/tools-ok $(OUT)/tcpwatch.8 $(DEPS_FOR)): | deps
endif

demo: tcpwatch $(OUT)/leaky-server
	$(Q)demo/run

$(OUT)/leaky-server: demo/leaky_server.c $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)$(CC) $(CFLAGS) -fno-omit-frame-pointer $< -o $@ -pthread

$(OUT)/tcpwatch.8: docs/tcpwatch.8.rst
	$(call msg,MAN,$@)
	$(Q)mkdir -p $(OUT) && rst2man $< > $@

clean:
	$(Q)rm -rf $(OUT) tcpwatch

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile
