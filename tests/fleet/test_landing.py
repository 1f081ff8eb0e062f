# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""The landing page in Chromium: its numbers are true, nothing sticks out, and it can be read.

The pictures are left in .output/fleet, to be looked at.
"""

import os
import struct

import pytest

import puppets
from browser import Browser
from exporter import Exporter
from fleet import wait_until
from test_metrics import Page as Metrics

SCREENS = {"light": {}, "dark": {"dark": True}, "phone": {"width": 390, "height": 844},
           "small-dark": {"width": 320, "height": 700, "dark": True}}
# How a puppet is told the name (each character is a byte), how -n is, and how the page shows it.
HOSTILE = {
    "<b>x</b>": ("<b>x</b>", "<b>x</b>"),
    "\xff\xfeevil\x01": ("\udcff\udcfeevil\x01", "\ufffd\ufffdevil\ufffd"),
    "\xe2\x80\xaelive": ("\u202elive", "\ufffdlive"),
    "WWWWWWWWWWWWWWW": ("WWWWWWWWWWWWWWW",) * 2,
    "&amp;'\"": ("&amp;'\"",) * 2,
}
ROWS = """[...document.querySelectorAll('#who tr')].slice(1).map(row => [
    row.querySelector('bdi').textContent, row.querySelector('div').textContent,
    row.cells[1].textContent])"""
FOUND = """[...document.querySelectorAll('#findings tr')].slice(1).map(row => [
    row.querySelector('.severity').textContent, row.cells[0].firstChild.nextSibling.textContent.trim(),
    row.querySelector('div').textContent, row.cells[1].textContent])"""
# Elements whose text is cut off or goes over the side.
SPILLED = """[...document.body.querySelectorAll('*')].filter(e =>
    e.getBoundingClientRect().right > innerWidth + .5 || e.getBoundingClientRect().left < -.5 ||
    (getComputedStyle(e).display != 'inline' && e.scrollWidth > e.clientWidth + 1))
    .map(e => e.outerHTML)"""
# The least contrast of any text against what is behind it, as WCAG 2 has it, and which that is.
CONTRAST = """(() => {
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const light = colour => rgb(colour).slice(0, 3).map(c => c / 255).map(
        c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
    const back = e => rgb(getComputedStyle(e).backgroundColor)[3] === 0 ?
        back(e.parentElement) : getComputedStyle(e).backgroundColor;
    const ratio = e => {
        const [a, b] = [light(getComputedStyle(e).color), light(back(e))];
        return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    };
    return [...document.body.querySelectorAll('*')].filter(e => [...e.childNodes].some(
        n => n.nodeType == 3 && n.data.trim())).map(e => [ratio(e), e.outerHTML])
        .sort((a, b) => a[0] - b[0])[0];
})()"""


@pytest.fixture
def browser(tmp_path):
    browser = Browser(str(tmp_path))
    yield browser
    browser.close()


@pytest.fixture
def serving():
    """serving('name', ...) watches commands of these names, so that others' leaks are not here."""
    started = []

    def start(*names):
        options = [option for name in names for option in ("-n", name)]
        started.append(Exporter("-w", "300ms", *options))
        return started[-1]
    yield start
    for each in started:
        each.tcpwatch.kill()


def leak(client, server, count, read=True):
    """So many connections that the server does not close."""
    listener = server.listen()
    pairs = [puppets.connect(client, server, listener) for _ in range(count)]
    for pair in pairs:
        client.close(pair.client_fd)
        if read:
            server.recv_all(pair.server_fd)
    return pairs


def wait_leaks(exporter, count):
    return wait_until(
        lambda: (metrics := Metrics(f"{exporter.host}:{exporter.port}")) and
        sum(value for (name, _), value in metrics.samples().items()
            if name == "tcpwatch_leaked_sockets") == count and metrics, f"{count} leaks")


def check_looks(page):
    assert page.complaints() == []
    assert page.value("innerWidth") == page.value("document.documentElement.scrollWidth")
    assert page.value(SPILLED) == []
    least, where = page.value(CONTRAST)
    assert least >= 4.5, where


def look(browser, exporter, shots, name):
    """The page on each screen; the last one."""
    for screen, options in SCREENS.items():
        page = browser.page(exporter.url + "/", **options)
        picture = os.path.join(shots, f"{name}-{screen}.png")
        page.screenshot(picture)
        check_looks(page)
        assert page.requests() == [exporter.url + "/"], "something from elsewhere"
        with open(picture, "rb") as file:
            assert struct.unpack(">I", file.read(20)[16:])[0] == options.get("width", 1000)
    return page


def text_of(page, name):
    return page.value(f"document.getElementById('{name}').textContent")


def test_a_host_without_leaks(serving, browser, shots, puppet):
    exporter = serving("quiet")
    puppet("quiet").listen()
    page = look(browser, exporter, shots, "quiet")
    assert text_of(page, "leaks") == "No leaked sockets"
    assert page.value("document.getElementById('who')") is None
    assert text_of(page, "state-LISTEN") == "1" and text_of(page, "state-CLOSE_WAIT") == "0"
    assert "300ms" in page.value("document.querySelector('.verdict').textContent")
    exporter.stop()


def test_who_leaks(serving, browser, shots, puppet):
    exporter = serving("shop", "worker", "client")
    client, shop, worker = puppet("client"), puppet("shop"), puppet("worker")
    pairs = leak(client, shop, 12)
    leak(client, shop, 3, read=False)
    leak(client, worker, 2)
    metrics = wait_leaks(exporter, 17)
    page = look(browser, exporter, shots, "leaks")
    assert text_of(page, "leaks") == "17 leaked sockets"
    assert page.value(ROWS) == [["shop", "12 unclosed, 3 unread", "15"],
                                ["worker", "2 unclosed", "2"]]
    terms = page.value("[...document.querySelectorAll('#who + dl dt')].map(e => e.textContent)")
    assert terms[:-1] == ["unclosed", "unread"]
    assert text_of(page, "reported") == "17" and text_of(page, "lost") == "0"
    start = exporter.tcpwatch.start
    assert text_of(page, "kernel") == start["kernel"]
    assert text_of(page, "missing") == (", ".join(start["missing"]) or "nothing")
    header = page.value("document.querySelector('header').textContent")
    assert start["version"] in header and start["mode"] in header
    seen = metrics.value("tcpwatch_events_total")
    assert int(text_of(page, "events").replace(",", "")) >= seen > 0
    for state in ("CLOSE_WAIT", "LISTEN", "FIN_WAIT2"):
        wanted = sum(value for (name, labels), value in metrics.samples().items()
                     if name == "tcpwatch_sockets" and ("state", state) in labels)
        assert wanted > 0 and text_of(page, f"state-{state}") == f"{wanted:.0f}", state
    for pair in pairs:
        shop.close(pair.server_fd)
    wait_leaks(exporter, 5)
    page = browser.page(exporter.url + "/")
    assert text_of(page, "leaks") == "5 leaked sockets" and text_of(page, "reported") == "17"
    assert page.value(ROWS) == [["shop", "3 unread", "3"], ["worker", "2 unclosed", "2"]]
    exporter.stop()


def test_what_is_wrong(serving, browser, shots, puppet):
    """A queue that nobody accepts from is no leak yet, but something is wrong."""
    exporter = serving("hung", "WWWWWWWWWWWWWWW")
    client, hung, shop = puppet("client"), puppet("hung"), puppet("WWWWWWWWWWWWWWW")
    listener = hung.listen(backlog=3)
    client.connect_many(listener["port"], 4)
    client.connect(listener["port"], blocking=False)
    wait_until(lambda: "accept-stall" in browser.page(exporter.url + "/").value(
        "document.body.textContent"), "no accept-stall")
    page = browser.page(exporter.url + "/")
    assert text_of(page, "leaks") == "No leaked sockets, but something else is wrong"
    assert page.value("document.querySelector('.verdict').className") == "verdict bad"
    pairs = leak(client, shop, 12)
    wait_until(lambda: len(browser.page(exporter.url + "/").value(FOUND)) == 2 and
               exporter.tcpwatch.all("finding", id="accept-stall", severity="critical"),
               "not both are found")
    page = look(browser, exporter, shots, "findings")
    assert text_of(page, "leaks") == "12 leaked sockets"
    found = page.value(FOUND)
    assert [row[:3] for row in found] == [
        ["critical", "accept-stall", f"hung pid {hung.pid}, {listener['local']}"],
        ["warning", "close-wait-leak", f"WWWWWWWWWWWWWWW pid {shop.pid}"]]
    assert all(row[3].endswith(" ago") for row in found)
    for pair in pairs:
        shop.close(pair.server_fd)
    wait_until(lambda: len(browser.page(exporter.url + "/").value(FOUND)) == 1, "it stays")
    exporter.stop()


def test_one_is_not_several(serving, browser, puppet):
    exporter = serving("shop")
    leak(puppet("client"), puppet("shop"), 1)
    wait_leaks(exporter, 1)
    assert text_of(browser.page(exporter.url + "/"), "leaks") == "1 leaked socket"
    exporter.stop()


def test_names_that_are_hostile(serving, browser, shots, puppet):
    exporter = serving(*(option for option, _ in HOSTILE.values()))
    client = puppet("client")
    for count, comm in enumerate(HOSTILE, 1):
        leak(client, puppet(comm), count)
    wait_leaks(exporter, sum(range(1, len(HOSTILE) + 1)))
    page = look(browser, exporter, shots, "hostile")
    assert page.value(ROWS) == [[shown, f"{count} unclosed", str(count)] for count, (_, shown)
                                in reversed(list(enumerate(HOSTILE.values(), 1)))]
    assert page.value("document.querySelectorAll('bdi *, b').length") == 0
    exporter.stop()


def test_only_the_first_are_shown(serving, browser, shots, puppet):
    names = [f"shop-{number}" for number in range(13)]
    exporter = serving(*names)
    client = puppet("client")
    for name in names:
        leak(client, puppet(name), 2 if name == "shop-12" else 1)
    wait_leaks(exporter, 14)
    page = look(browser, exporter, shots, "many")
    rows = page.value("[...document.querySelectorAll('#who tr')].slice(1).map(r => r.innerText)")
    assert len(rows) == 11 and rows[0].startswith("shop-12") and rows[-1].strip() == "and 3 more"
    exporter.stop()
