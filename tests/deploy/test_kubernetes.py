# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The manifests: what they must say, and a run with what they give."""

import crypt
import json
import os
import re
import subprocess

import pytest
import yaml

from installed import DEPLOY, ROOT, run, value, wait_for
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
    secrets = {volume["name"]: volume["secret"] for volume in pod["volumes"] if "secret" in volume}
    assert {each["mountPath"] for each in container["volumeMounts"]
            if each["name"] not in secrets} == {
        volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
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
        command = container[probe]["exec"]["command"]
        assert command[0] == "curl"
        assert command[-1] == f"https://127.0.0.1:{port['containerPort']}{path}"
        longest = float(command[command.index("-m") + 1])
        assert longest < container[probe]["timeoutSeconds"], "curl says why, the kubelet does not"
    assert f"{annotations and 'container.apparmor.security.beta.kubernetes.io/'}{container['name']}" \
        in annotations
    # The job of a PodMonitor is NAMESPACE/NAME: what the alerts look for.
    assert re.fullmatch("(.*/)?tcpwatch", f"{namespace}/{monitor['metadata']['name']}")


def test_only_prometheus_may_connect(daemonset, container):
    policy = documents("daemonset.yaml")["NetworkPolicy"]
    assert policy["metadata"]["namespace"] == daemonset["metadata"]["namespace"]
    spec = policy["spec"]
    assert (spec["podSelector"]["matchLabels"].items()
            <= daemonset["spec"]["template"]["metadata"]["labels"].items())
    # Both directions are named, so that what is not allowed is refused.
    assert spec["policyTypes"] == ["Ingress", "Egress"] and spec["egress"] == []
    [rule] = spec["ingress"]
    [source] = rule["from"]
    assert source["namespaceSelector"]["matchLabels"] and set(source) == {"namespaceSelector"}
    assert rule["ports"] == [{"protocol": "TCP", "port": container["ports"][0]["name"]}]


def test_metrics_have_tls_and_a_password(daemonset, container):
    """What the web config needs is there, and the PodMonitor and the page know of it."""
    pod = daemonset["spec"]["template"]["spec"]
    [volume] = [each for each in pod["volumes"] if "secret" in each]
    [mount] = [each for each in container["volumeMounts"] if each["name"] == volume["name"]]
    assert f"--web.config.file={mount['mountPath']}/web.yml" in container["args"]
    endpoint = documents("podmonitor.yaml")["PodMonitor"]["spec"]["podMetricsEndpoints"][0]
    annotations = daemonset["spec"]["template"]["metadata"]["annotations"]
    assert endpoint["scheme"] == annotations["prometheus.io/scheme"] == "https"
    assert endpoint["tlsConfig"]["ca"]["secret"] == {
        "name": volume["secret"]["secretName"], "key": "tls.crt"}
    assert not endpoint["tlsConfig"].get("insecureSkipVerify")
    assert {each["name"] for each in endpoint["basicAuth"].values()} == {"tcpwatch-scrape"}
    with open(os.path.join(ROOT, "docs/fleet.md"), encoding="utf-8") as file:
        text = file.read()
    for each in (volume["secret"]["secretName"], "tcpwatch-scrape"):
        assert f"create secret generic {each} " in text


def web_config(folder):
    """The Secret's files, as docs/fleet.md makes them, mounted as Kubernetes does: by links in a
    folder that everybody may write to. Returns the credentials of Prometheus."""
    data = folder / "..2026_11_30"
    data.mkdir(parents=True)
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=tcpwatch", "-addext", "subjectAltName=DNS:tcpwatch",
        "-keyout", data / "tls.key", "-out", data / "tls.crt")
    users = ["prometheus:secret", "probe:other"]
    lines = [f"  {user}: {crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))}\n"
             for user, password in (each.split(":") for each in users)]
    (data / "web.yml").write_text("tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"
                                  "basic_auth_users:\n" + "".join(lines), encoding="utf-8")
    (data / "probe.curl").write_text('user = "probe:other"\n', encoding="utf-8")
    (folder / "..data").symlink_to(data.name)
    for name in ("web.yml", "tls.crt", "tls.key", "probe.curl"):
        (folder / name).symlink_to(f"..data/{name}")
    folder.chmod(0o1777)
    return users[0]


def test_every_node_and_its_cost(daemonset, container):
    pod = daemonset["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "cpu" not in container["resources"]["limits"], "who is held back loses events"
    assert not container["image"].endswith(":latest") and ":" in container["image"]


def test_a_run_with_these_privileges(container, tree, spawn, puppet, network, tmp_path):
    """The container's capabilities and options, in a network namespace of its own: it serves there,
    and sees what nobody has accepted elsewhere."""
    context = container["securityContext"]["capabilities"]
    only = "-all" + "".join(f",+{each.lower()}" for each in context["add"])
    home = network()
    prometheus = web_config(tmp_path / "web")

    def here(words):
        return [each.replace(":10433", f":{tree.port}").replace("1m", "500ms")
                .replace("/etc/tcpwatch", str(tmp_path / "web")) for each in words]
    client = ["curl", "-s", "--cacert", tmp_path / "web/tls.crt",
              "--connect-to", f"tcpwatch:{tree.port}:127.0.0.1:{tree.port}"]
    at = f"https://tcpwatch:{tree.port}"

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
    confined = ["setpriv", f"--bounding-set={only}", f"--inh-caps={only}", "--no-new-privs"]
    spawn(*inside, "unshare", "--mount", "sh", "-c",
          'mount -o remount,bind,ro / && exec "$@"', "sh",
          *confined, tree.at("usr/local/sbin/tcpwatch"), *here(container["args"]))

    def scrape():
        return subprocess.run([*inside, *client, "-f", "-u", prometheus, f"{at}/metrics"],
                              stdout=subprocess.PIPE, text=True, check=False).stdout
    wait_for(scrape)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        run(*inside, *confined, *here(container[probe]["exec"]["command"]))
    refused = run(*inside, *client, "-o", "/dev/null", "-w", "%{http_code}", f"{at}/metrics")
    assert refused == "401"
    forget(host, None)
    forget(pod, network())
    for comm in (older, host, pod):
        for kind in ("unclosed", "unaccepted"):
            wait_for(lambda comm=comm, kind=kind: value(
                scrape(), "tcpwatch_leaked_sockets", comm=comm, kind=kind) == 1, f"{comm} {kind}")


def test_call_sites_with_what_the_comments_give(container, tree, spawn, puppet, network):
    """--stack and the capabilities that are commented out: names are there. Without these, they are
    not, and that is said."""
    with open(os.path.join(DEPLOY, "kubernetes", "daemonset.yaml"), encoding="utf-8") as file:
        text = file.read()
    assert re.findall(r"^ +# - (--\S+)$", text, re.M) == ["--stack"]
    more = re.findall(r"^ +# - ([A-Z_]+)$", text, re.M)
    given = container["securityContext"]["capabilities"]["add"]

    def site(comm, capabilities):
        args = ["--stack", "--json", "--close-wait=300ms", f"--comm={comm}"]
        only = "-all" + "".join(f",+{each.lower()}" for each in capabilities)
        process = spawn("setpriv", f"--bounding-set={only}", f"--inh-caps={only}", "--no-new-privs",
                        tree.at("usr/local/sbin/tcpwatch"), *args, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, text=True)
        assert json.loads(process.stdout.readline())["type"] == "start"
        ns = network()
        client, server = puppet("client", ns), puppet(comm, ns)
        pair = connect_pair(client, server)
        client.close(pair.client_fd)
        server.recv_all(pair.server_fd)
        while (record := json.loads(process.stdout.readline()))["type"] != "leak":
            pass
        process.terminate()
        said = process.communicate(timeout=60)[1]
        assert record["stack"], (record, said)
        return record["stack"][0]["function"], said
    function, said = site(f"with-{os.getpid()}", given + more)
    assert function and "-s: " not in said, said
    function, said = site(f"less-{os.getpid()}", given)
    assert not function and "CAP_SETUID and CAP_SETGID" in said, said


def test_no_password_is_in_the_manifest():
    """What is in a repository is not a secret, and a placeholder is a password that many share."""
    with open(os.path.join(DEPLOY, "kubernetes", "daemonset.yaml"), encoding="utf-8") as file:
        text = file.read()
    assert "Authorization" not in text and "Basic " not in text
