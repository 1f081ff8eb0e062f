# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
# make install     installs the program, its man page and the files of deploy/ under PREFIX
# make uninstall   removes them, except for options that were changed

SYSCONFDIR  ?= /etc
UNITDIR	    ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
SHAREDIR    := $(PREFIX)/share/tcpwatch
SHARED	    := deploy/systemd/containers.conf deploy/prometheus/prometheus.yml deploy/prometheus/tcpwatch.rules.yml \
	       deploy/grafana/tcpwatch.json deploy/kubernetes/daemonset.yaml deploy/kubernetes/podmonitor.yaml
DEFAULTS    := $(DESTDIR)$(SYSCONFDIR)/default/tcpwatch
# The units contain the paths of the program and its options.
PLACED	    := sed -e 's|/usr/local/sbin/|$(PREFIX)/sbin/|' -e 's|/etc/default/|$(SYSCONFDIR)/default/|'

.PHONY: install uninstall
install: tcpwatch $(OUT)/tcpwatch.8
	install -Dm755 tcpwatch $(DESTDIR)$(PREFIX)/sbin/tcpwatch
	install -Dm644 $(OUT)/tcpwatch.8 $(DESTDIR)$(PREFIX)/share/man/man8/tcpwatch.8
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SHAREDIR)
	$(PLACED) deploy/systemd/tcpwatch.service >$(DESTDIR)$(UNITDIR)/tcpwatch.service
	$(PLACED) deploy/systemd/tcpwatch.socket >$(DESTDIR)$(UNITDIR)/tcpwatch.socket
	chmod 644 $(DESTDIR)$(UNITDIR)/tcpwatch.service $(DESTDIR)$(UNITDIR)/tcpwatch.socket
	install -Dm644 deploy/systemd/tcpwatch.sysusers $(DESTDIR)$(SYSUSERSDIR)/tcpwatch.conf
	install -m644 $(SHARED) $(DESTDIR)$(SHAREDIR)
	test -e $(DEFAULTS) || install -Dm644 deploy/systemd/tcpwatch.default $(DEFAULTS)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/tcpwatch $(DESTDIR)$(PREFIX)/share/man/man8/tcpwatch.8
	rm -f $(DESTDIR)$(UNITDIR)/tcpwatch.service $(DESTDIR)$(UNITDIR)/tcpwatch.socket
	rm -f $(DESTDIR)$(SYSUSERSDIR)/tcpwatch.conf
	rm -rf $(DESTDIR)$(SHAREDIR)
	cmp -s deploy/systemd/tcpwatch.default $(DEFAULTS) && rm -f $(DEFAULTS) || :
