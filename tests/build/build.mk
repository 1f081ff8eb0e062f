# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check-build   what the compiler and the linker put into the program; a second build has the same bytes

.PHONY: check-build
check-build: all
	$(Q)CC="$(CC)" $(PYTHON) -m pytest -q -p no:cacheprovider tests/build
