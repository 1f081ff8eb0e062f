# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check-vm     live tests on other kernels in emulated machines, see docs/vm.md; COLUMNS="6.1 arm64" for some columns, ALL=1 for all tests
# make vm KERNEL=6.1|6.12|6.12-rt|arm64 CMD='...'   boots one of them and runs a command, or a shell without one

KERNEL ?= 6.12

.PHONY: check-vm vm
check-vm:
	+$(Q)MAKE="$(MAKE)" ALL="$(ALL)" tests/vm/run-matrix $(COLUMNS)

vm:
	$(Q)tests/vm/boot $(KERNEL) $(if $(CMD),-- sh -c '$(CMD)')
