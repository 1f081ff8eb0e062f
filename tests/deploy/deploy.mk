# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check-deploy   deploy/ with the tools that will read it: systemd, promtool, a YAML parser; root

.PHONY: check-deploy
check-deploy: all $(OUT)/tcpwatch.8
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/deploy
