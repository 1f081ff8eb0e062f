# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The manifests: what they must say, and a run with what they give."""

import os
import re
import subprocess

import pytest
import yaml

from installed import DEPLOY, run, value, wait_for
from puppets import connect_pair


def documents(name):
    with open(os.path.join(DEPLOY, "kubernetes", name), encoding="utf-8") as file:
        return {each["kind"]: each for each in yaml.safe_load_all(file)}


@pytest.fixture(name="daemonset")
def daemonset_fixture():
    return documents("daemonset.yaml")["DaemonSet"]


@pytest.fixture(name="container")
def container_fixture(daemonset):
    containers = daemonset["spec"]["template"]["spec"]["containers"]
    assert len(containers) == 1
    return containers[0]


def test_privileges(daemonset, container):
    pod = daemonset["spec"]["template"]["spec"]
    context = container["securityContext"]
    assert context["privileged"] is False and context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {
        "drop": ["ALL"], "add": ["BPF", "PERFMON", "SYS_PTRACE", "SYS_ADMIN"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["hostPID"] is True
    assert not pod.get("hostNetwork") and not pod.get("hostIPC")
    assert pod["automountServiceAccountToken"] is False
    assert {each["mountPath"] for each in container["volumeMounts"]} == {
        volume["hostPath"]["path"] for volume in pod["volumes"]}
    assert all(each["readOnly"] is True for each in container["volumeMounts"])
    assert ({each["name"] for each in container["volumeMounts"]}
            == {volume["name"] for volume in pod["volumes"]})


def test_names_agree(daemonset, container):
    everything = documents("daemonset.yaml")
    labels = daemonset["spec"]["template"]["metadata"]["labels"]
    monitor = documents("podmonitor.yaml")["PodMonitor"]
    assert daemonset["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    namespace = everything["Namespace"]["metadata"]["name"]
    for each in (daemonset, everything["ServiceAccount"], monitor):
        assert each["metadata"]["namespace"] == namespace
    assert (daemonset["spec"]["template"]["spec"]["serviceAccountName"]
            == everything["ServiceAccount"]["metadata"]["name"])
    port = container["ports"][0]
    annotations = daemonset["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    assert f"--web.listen-address=:{port['containerPort']}" in container["args"]
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == port["name"]
    for probe, path in (("startupProbe", "/-/healthy"), ("livenessProbe", "/-/healthy"),
                        ("readinessProbe", "/-/ready")):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert f"{annotations and 'container.apparmor.security.beta.kubernetes.io/'}{container['name']}" \
        in annotations
    # The job of a PodMonitor is NAMESPACE/NAME: what the alerts look for.
    assert re.fullmatch("(.*/)?tcpwatch", f"{namespace}/{monitor['metadata']['name']}")


def test_every_node_and_its_cost(daemonset, container):
    pod = daemonset["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "cpu" not in container["resources"]["limits"], "who is held back loses events"
    assert not container["image"].endswith(":latest") and ":" in container["image"]


def test_a_run_with_these_privileges(container, tree, spawn, puppet, network):
    """The container's capabilities and options, in a network namespace of its own: it serves there,
    and sees what nobody has accepted elsewhere."""
    context = container["securityContext"]["capabilities"]
    only = "-all" + "".join(f",+{each.lower()}" for each in context["add"])
    home = network()
    args = [each.replace(":10433", f":{tree.port}").replace("1m", "500ms")
            for each in container["args"]]

    def forget(comm, ns):
        client, server = puppet("client", ns), puppet(comm, ns)
        pair = connect_pair(client, server)
        waiting = client.connect(server.listen("ipv4")["port"], "ipv4")
        client.close(waiting["fd"])
        client.close(pair.client_fd)
        server.recv_all(pair.server_fd)
    older, host, pod = (f"{name}-{os.getpid()}" for name in ("older", "host", "pod"))
    forget(older, network())
    inside = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{home.fd}"]
    spawn(*inside, "unshare", "--mount", "sh", "-c",
          'mount -o remount,bind,ro / && exec "$@"', "sh",
          "setpriv", f"--bounding-set={only}", f"--inh-caps={only}", "--no-new-privs",
          tree.at("usr/local/sbin/tcpwatch"), *args)

    def scrape():
        return subprocess.run([*inside, "curl", "-s", f"http://127.0.0.1:{tree.port}/metrics"],
                              stdout=subprocess.PIPE, text=True, check=False).stdout
    wait_for(scrape)
    for probe in ("startupProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        assert run(*inside, "curl", "-sf", f"http://127.0.0.1:{tree.port}{path}")
    forget(host, None)
    forget(pod, network())
    for comm in (older, host, pod):
        for kind in ("unclosed", "unaccepted"):
            wait_for(lambda comm=comm, kind=kind: value(
                scrape(), "tcpwatch_leaked_sockets", comm=comm, kind=kind) == 1, f"{comm} {kind}")
