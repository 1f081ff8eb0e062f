# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make check-fleet   the exporter with Prometheus and Chromium, and hostile clients while sockets churn

.PHONY: check-fleet
check-fleet: all
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider tests/fleet
