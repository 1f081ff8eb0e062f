# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check-vmlinux            what the BPF objects touch, in the running kernel and those of the VMs
# make check-vmlinux BTF=...    in these: BTF files, vmlinux or vmlinuz, separated by spaces

BTF_KERNELS ?= 6.1 6.12 6.12-rt $(if $(wildcard tests/vm/fetch-arm64),arm64)
BTF_SRC     := $(filter-out %.bpf.c,$(wildcard tests/btf/*.c))
BTF_BIN     := $(OUT)/btf/check_vmlinux $(OUT)/btf/check_vmlinux-asan
export BTF_KERNELS

.PHONY: check-vmlinux
check-vmlinux: $(BTF_BIN) $(OUT)/btf/header.o $(OUT)/tcpwatch.bpf.linked.o
	$(Q)PYTHON="$(PYTHON)" CLANG="$(CLANG)" BPFTOOL="$(BPFTOOL)" tests/btf/run $(OUT)/btf/check_vmlinux \
		$(OUT)/tcpwatch.bpf.linked.o $(OUT)/btf/header.o $(BTF)

$(OUT)/btf/check_vmlinux: $(BTF_SRC) $(wildcard tests/btf/*.h) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(BTF_SRC) $(LDFLAGS) $(LDLIBS) -o $@

$(OUT)/btf/check_vmlinux-asan: $(BTF_SRC) $(wildcard tests/btf/*.h) $(OUT)/tools-ok
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CFLAGS) $(ASAN_FLAGS) $(BTF_SRC) $(LDLIBS) -o $@

$(OUT)/btf/header.o: vmlinux/vmlinux.h tests/btf/header-source.awk $(OUT)/tools-ok
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)awk -f tests/btf/header-source.awk $< > $(OUT)/btf/header.c
	$(Q)$(CLANG) -g -O2 -target bpf -c $(OUT)/btf/header.c -o $@
