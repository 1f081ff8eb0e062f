# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""Debian's Prometheus scrapes three hosts, stores, answers, and tells of a leak."""

import re

import pytest

from fleet import Fleet, PORT, wait_until

CLOSED = 'tcpwatch_transitions_total{comm="%s",from="CLOSE_WAIT",to="LAST_ACK"}'
LIFETIMES = 'tcpwatch_state_duration_seconds_%s{state="CLOSE_WAIT",comm="%s"}'
LEAKS = 12  # deploy's alert wants 10 more than before


@pytest.fixture(scope="module")
def fleet():
    fleet = Fleet()
    yield fleet
    fleet.close()


@pytest.fixture
def alpha(fleet):
    return fleet.hosts["alpha"]


@pytest.fixture
def beta(fleet):
    return fleet.hosts["beta"]


@pytest.fixture
def gamma(fleet):
    return fleet.hosts["gamma"]


def counted(fleet, host):
    """How many of the host's connections were closed from CLOSE_WAIT, as the last scrape has it."""
    return fleet.number(CLOSED % host.comm)


def failed_scrapes(fleet):
    return [line for line in fleet.log_text().splitlines() if "Scrape failed" in line]


def test_three_are_up(fleet):
    wait_until(lambda: fleet.number("sum(up)") == 3, "not all are up")
    targets = {target["labels"]["host"]: target
               for target in fleet.api("targets")["activeTargets"]}
    for name, host in fleet.hosts.items():
        scheme = "https" if host.config else "http"
        assert targets[name]["scrapeUrl"] == f"{scheme}://{host.address}:{PORT}/metrics"
        assert targets[name]["health"] == "up" and targets[name]["lastError"] == ""
    for labels, value in fleet.query("tcpwatch_build_info"):
        start = fleet.hosts[labels["host"]].tcpwatch.start
        assert value == 1
        assert {name: labels[name] for name in ("version", "kernel", "mode")} == {
            name: start[name] for name in ("version", "kernel", "mode")}


def test_each_has_its_own_numbers(fleet):
    wait_until(lambda: fleet.number("sum(up)") == 3, "not all are up")
    groups = {(labels["host"], labels["comm"]) for labels, _ in fleet.query(
        "count by (host, comm) (tcpwatch_sockets)")}
    assert groups == {(host.name, comm) for host in fleet.hosts.values()
                      for comm in (host.comm, "other")}
    listening = fleet.query('sum by (host) (tcpwatch_sockets{state="LISTEN"})')
    assert {labels["host"]: value for labels, value in listening} == dict.fromkeys(fleet.hosts, 1)


def test_open_metrics_is_what_is_spoken(fleet):
    """In OpenMetrics the family of a counter has no _total, in the old format it has."""
    wait_until(lambda: fleet.number("sum(up)") == 3, "not all are up")
    known = {}
    for entry in fleet.api("targets/metadata"):
        known.setdefault(entry["metric"], set()).add((entry["type"], entry["target"]["host"]))
    for name, kind in (("tcpwatch_leaks", "counter"), ("tcpwatch_transitions", "counter"),
                       ("tcpwatch_state_duration_seconds", "histogram"),
                       ("tcpwatch_leaked_sockets", "gauge"), ("tcpwatch_findings", "gauge"),
                       ("process_cpu_seconds", "counter")):
        assert known.get(name) == {(kind, host) for host in fleet.hosts}, name
    assert "tcpwatch_leaks_total" not in known


@pytest.mark.parametrize("name", ["alpha", "beta"])
def test_a_known_lifetime_is_in_its_quantile(fleet, name):
    host = fleet.hosts[name]
    buckets = LIFETIMES % ("bucket", host.comm)
    wait_until(lambda: fleet.number(LIFETIMES % ("count", host.comm)) == 0, "before the visits")
    longest = host.visits(7, 0.3)
    bound = next(bound for bound in (1.0, 10.0, 60.0) if longest <= bound)
    wait_until(lambda: fleet.number(LIFETIMES % ("count", host.comm)) == 7, "seven visits")
    counts = {labels["le"]: count for labels, count in fleet.query(buckets)}
    assert counts["0.1"] == 0 and counts[str(bound)] == counts["+Inf"] == 7
    for quantile in (0.01, 0.5, 0.99):
        value = fleet.number(
            f"histogram_quantile({quantile}, sum by (le) (rate({buckets}[1m])))")
        assert 0.1 < value <= bound
    assert 7 * 0.3 <= fleet.number(LIFETIMES % ("sum", host.comm)) <= 7 * longest


def test_a_leak_fires_and_resolves(fleet, alpha, beta):
    wait_until(lambda: fleet.number("sum(up)") == 3, "not all are up")
    assert not fleet.alerts(alpha) and not fleet.alerts(beta)
    pairs = [alpha.connect() for _ in range(LEAKS)]
    for pair in pairs:
        alpha.half_close(pair)
    states = []

    def fires():
        state = fleet.alerts(alpha, comm=alpha.comm).get("TcpwatchLeaksGrowing")
        states.append(state)
        return state == "firing"
    wait_until(fires, "the alert does not fire")
    assert [state for at, state in enumerate(states) if state and state not in states[:at]] == [
        "pending", "firing"], states
    wait_until(lambda: fleet.alerts(alpha, comm=alpha.comm, finding="close-wait-leak").get(
        "TcpwatchFinding") == "firing", "the finding's alert does not fire")
    assert not fleet.alerts(beta), "the other host has no leak"
    leaked = fleet.number(f'tcpwatch_leaked_sockets{{comm="{alpha.comm}",kind="unclosed"}}')
    assert leaked == LEAKS
    age = fleet.number(
        f'time() - tcpwatch_oldest_close_wait_timestamp_seconds{{comm="{alpha.comm}"}}')
    assert 3 <= age < 60
    for pair in pairs:
        alpha.server.close(pair.server_fd)
    wait_until(lambda: not fleet.alerts(alpha), "the alert does not resolve")
    assert fleet.number(f'sum(tcpwatch_leaks_total{{comm="{alpha.comm}"}})') == LEAKS
    assert fleet.number(f'sum(tcpwatch_leaked_sockets{{comm="{alpha.comm}"}})') == 0


def test_a_restart_is_no_step_back_for_rate(fleet, gamma):
    """Killed, it is down, and that is told; the new one begins with 0, which increase() knows."""
    wait_until(lambda: fleet.number("sum(up)") == 3, "not all are up")
    gamma.visits(10, 0)
    wait_until(lambda: counted(fleet, gamma) == 10, "before the restart")
    gamma.tcpwatch.kill()
    wait_until(lambda: fleet.number('up{host="gamma"}') == 0, "it is killed and yet up")
    assert any("scrape_pool=gamma" in line for line in failed_scrapes(fleet))
    assert counted(fleet, gamma) is None, "an old number of what is down"
    wait_until(lambda: fleet.alerts(gamma).get("TcpwatchDown") == "firing", "no alert")
    gamma.start()
    wait_until(lambda: fleet.number('up{host="gamma"}') == 1, "it does not come back")
    wait_until(lambda: counted(fleet, gamma) == 0, "the new one's beginning")
    gamma.visits(5, 0)
    wait_until(lambda: counted(fleet, gamma) == 5, "after the restart")
    series = CLOSED % gamma.comm
    assert fleet.number(f"resets({series}[5m])") == 1
    assert fleet.number('changes(process_start_time_seconds{host="gamma"}[5m])') == 1
    # increase() adds up to an interval at each end.
    assert 15 <= fleet.number(f"increase({series}[5m])") < 15 * 1.25
    assert fleet.number(f"rate({series}[5m])") > 0
    wait_until(lambda: not fleet.alerts(gamma), "the alert does not resolve")


def test_prometheus_has_no_complaint(fleet):
    """Last: what all that was before has left in its counters and its log."""
    wait_until(lambda: fleet.number("sum(up)") == 3, "not all are up")
    page = fleet.get("/metrics")
    for counter in ("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                    "prometheus_target_scrapes_sample_out_of_order_total",
                    "prometheus_target_scrapes_sample_out_of_bounds_total",
                    "prometheus_target_scrapes_exceeded_body_size_limit_total"):
        assert re.search(rf"^{counter} 0$", page, re.MULTILINE), counter
    failures = re.findall(r"^prometheus_rule_evaluation_failures_total\S* (\S+)$", page,
                          re.MULTILINE)
    assert failures and set(failures) == {"0"}
    log = fleet.log_text()
    bad = [line for line in log.splitlines()
           if re.search(r"level=(warn|error)|[Dd]uplicate|out.of.order|Append failed", line)]
    assert not bad, "\n".join(bad)
    # The one that was killed is the only one that could not be scraped.
    assert not [line for line in failed_scrapes(fleet) if "scrape_pool=gamma" not in line]
