# SPDX-License-Identifier: MIT
"""The HTML report in a real browser, without network: what a user sees of a run with failures, and does with it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from orchestrator.base.paths import build_dir
from tests.end_to_end.conftest import Command

pytestmark = pytest.mark.image

SUITE = """
defaults:
  topology: buddy
scenarios:
  stops:
    about: A mutant whose stop nobody expects.
    replace: {owner: owner-completes-twice}
    steps:
      - work: 5
  touches-in-d3:
    about: A mutant whose violation nobody expects.
    replace: {borrower: borrower-ignores-power-down}
    steps:
      - exercise: {driver: borrower, pattern: registers}
      - repeat:
          times: 3
          steps:
            - exercise: {driver: borrower, pattern: registers}
            - suspend
            - resume
  works:
    about: The correct drivers, which pass.
    steps:
      - work: 5
"""
DESK = (1280, 900)
TELEPHONE = (360, 740)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of one real run: a stop, a violation and a scenario that passes."""
    command = Command(tmp_path_factory.mktemp("browser"), build_dir())
    ended = command("run", command.suite(SUITE), "--html")
    assert ended.exit_code == 3, ended.output
    return command.run


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Debian's chromium, which resolves no name and writes down what it asks for."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert program and driver, "chromium and chromium-driver are missing: run .ci/setup"
    options = ChromeOptions()
    options.binary_location = program
    # Tests run as root in containers, where chromium's sandbox and a large /dev/shm are not to be had; the page is our own.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = Chrome(options=options, service=Service(executable_path=driver))
    yield browser
    browser.quit()


@pytest.fixture
def page(chromium: Chrome, run: Path, tmp_path: Path) -> Iterator[Chrome]:
    """The report, just opened on a desk's screen. Whatever is done with it, nobody complains and nothing else is loaded."""
    url = (run / "report.html").as_uri()
    chromium.get("about:blank")
    chromium.get_log("performance")
    chromium.get_log("browser")
    resize(chromium, DESK)
    chromium.get(url)
    yield chromium
    screenshot(chromium, tmp_path / "end.png")
    assert chromium.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    requests = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert {request.partition("#")[0] for request in requests} == {url}


def resize(browser: Chrome, size: tuple[int, int]) -> None:
    """Give the page this size in CSS pixels; the smaller one as a telephone does it, which heeds the viewport's meta line."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == TELEPHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def screenshot(browser: Chrome, path: Path) -> None:
    """What the window shows, for a human who wonders why a test failed."""
    browser.save_screenshot(str(path))


def scenario(page: Chrome, name: str) -> WebElement:
    """The part of the page about one scenario."""
    return page.find_element(By.ID, name)


def lane(part: WebElement, name: str) -> WebElement:
    """The timeline's lane with this label."""
    return next(g for g in part.find_elements(By.CSS_SELECTOR, "svg g") if g.find_element(By.TAG_NAME, "text").text == name)


def said(part: WebElement) -> str:
    """What stands in the box below the timeline."""
    return part.find_element(By.TAG_NAME, "output").text


def point_at(page: Chrome, mark: WebElement, *, right: int = 0) -> ActionChains:
    """The mouse moved to the middle of a mark and so many pixels to the right of it; to be performed."""
    page.execute_script("arguments[0].scrollIntoView({block: 'center', inline: 'center'})", mark)
    chain = ActionChains(page, duration=0)
    chain.w3c_actions.pointer_action.move_to_location(0, 0)
    box = page.execute_script(
        "const b = arguments[0].getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]", mark
    )
    chain.w3c_actions.pointer_action.move_to_location(round(box[0]) + right, round(box[1]))
    return chain


def click(page: Chrome, mark: WebElement, *, right: int = 0) -> None:
    """Point as point_at does, and click."""
    chain = point_at(page, mark, right=right)
    chain.w3c_actions.pointer_action.click()
    chain.perform()


def test_failures_are_open_and_a_link_unfolds_what_passed(page: Chrome) -> None:
    assert page.find_element(By.TAG_NAME, "h1").text.endswith(": guest bugcheck")
    rows = page.find_elements(By.CSS_SELECTOR, ".scenarios tr")[1:]
    assert [row.find_element(By.TAG_NAME, "a").text for row in rows] == ["stops", "touches-in-d3", "works"]
    verdicts = [row.find_elements(By.TAG_NAME, "td")[1].text for row in rows]
    assert verdicts == ["guest bugcheck", "driver failure", "passed"]
    assert [scenario(page, name).get_property("open") for name in ("stops", "touches-in-d3", "works")] == [True, True, False]
    assert not scenario(page, "works").find_element(By.TAG_NAME, "svg").is_displayed()
    page.find_element(By.LINK_TEXT, "works").click()
    shown = scenario(page, "works").find_element(By.TAG_NAME, "svg")
    WebDriverWait(page, 5).until(lambda _: shown.is_displayed())


def test_a_stop_shows_its_reason_stack_tables_and_how_to_repeat_it(page: Chrome) -> None:
    part = scenario(page, "stops")
    assert "MULTIPLE_IRP_COMPLETE_REQUESTS in owner.sys" in part.find_element(By.TAG_NAME, "p").text
    frames = part.find_element(By.CLASS_NAME, "backtrace").text.splitlines()
    assert any(re.search(r"owner\.sys!\w+\+0x\w+ +guest-drivers/\w+/\w+\.c:\d+$", frame) for frame in frames), frames
    tables = {
        t.find_element(By.TAG_NAME, "summary").text.partition(" (")[0]: t for t in part.find_elements(By.CLASS_NAME, "table")
    }
    assert set(tables) == {"threads", "locks", "devices", "pending irps", "last irps"}
    devices = tables["devices"]
    assert devices.find_element(By.TAG_NAME, "pre").text == ""
    devices.find_element(By.TAG_NAME, "summary").click()
    assert "ROOT\\BORROWER" in devices.find_element(By.TAG_NAME, "pre").text.upper()
    commands = [code.text for code in part.find_elements(By.TAG_NAME, "code")]
    assert commands[-1].startswith("orchestrator run ") and commands[-1].endswith(" --only stops")
    assert any(command.startswith("gdb -q -x ") for command in commands)


def test_evidence_is_where_the_links_say(page: Chrome, run: Path) -> None:
    links = scenario(page, "stops").find_elements(By.PARTIAL_LINK_TEXT, ".")
    there = {link.text: link.get_property("href") for link in links}
    assert {"journal.jsonl", "console.log", "crash.json"} <= set(there)
    assert there == {path.name: path.as_uri() for path in (run / "stops").iterdir()}


def test_a_violation_is_marked_in_the_journal_and_in_its_lane(page: Chrome) -> None:
    part = scenario(page, "touches-in-d3")
    marked = [mark.text for mark in part.find_elements(By.CSS_SELECTOR, "pre.journal mark")]
    assert len(marked) == 1 and "VIOLATION access-not-in-d0" in marked[0]
    names = [text.text for text in part.find_elements(By.CSS_SELECTOR, "svg g text")]
    expected = ["steps", "buddy0", "buddy0 client 0", "buddy0 client 1", "owner says", "borrower says", "violations"]
    assert [name for name in names if name in expected] == expected
    for name in expected:
        least = min(mark.rect["height"] for mark in lane(part, name).find_elements(By.CLASS_NAME, "mark"))
        assert least > 0, f"a mark of '{name}' cannot be seen"
    tick = lane(part, "violations").find_element(By.CLASS_NAME, "violation")
    assert tick.value_of_css_property("stroke") == "rgb(221, 51, 51)"


def test_the_mouse_near_a_mark_shows_its_record_and_a_click_keeps_it(page: Chrome) -> None:
    part = scenario(page, "touches-in-d3")
    assert said(part) == ""
    tick = lane(part, "violations").find_element(By.CLASS_NAME, "violation")
    # A tick is a pixel wide: nobody hits it, so near is enough.
    point_at(page, tick, right=5).perform()
    assert "VIOLATION access-not-in-d0" in said(part) and "shown" in str(tick.get_attribute("class"))
    sleeping = lane(part, "buddy0").find_element(By.CLASS_NAME, "d3hot")
    click(page, sleeping)
    assert said(part).startswith("buddy0 in D3hot, ")
    point_at(page, tick).perform()
    assert said(part).startswith("buddy0 in D3hot, ")
    click(page, lane(part, "buddy0 client 1").find_element(By.CLASS_NAME, "accesses"))
    assert re.fullmatch(r"buddy0 client 1, \d+\.\d+ to \d+\.\d+ ms: \d+ accesses", said(part))
    # A click on nothing lets the mouse speak again.
    click(page, tick, right=-200)
    point_at(page, tick).perform()
    assert "VIOLATION access-not-in-d0" in said(part)
    # Another timeline has a box of its own.
    assert said(scenario(page, "stops")) == ""


def test_each_step_says_what_was_done(page: Chrome) -> None:
    part = scenario(page, "touches-in-d3")
    steps = lane(part, "steps").find_elements(By.CLASS_NAME, "step")
    texts = []
    for step in steps:
        point_at(page, step).perform()
        texts.append(said(part))
    assert any(text.startswith("boot (") for text in texts) and any(text.startswith("suspend") for text in texts), texts


def test_a_telephone_moves_only_the_timeline_sideways(page: Chrome, tmp_path: Path) -> None:
    resize(page, TELEPHONE)
    page.refresh()
    page.find_element(By.LINK_TEXT, "works").click()
    screenshot(page, tmp_path / "telephone.png")
    page.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")
    width = page.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert width == [TELEPHONE[0], TELEPHONE[0]]
    part = scenario(page, "touches-in-d3")
    plot = part.find_element(By.CLASS_NAME, "plot")
    assert page.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", plot)
    label = lane(part, "violations").find_element(By.TAG_NAME, "text")
    assert label.rect["height"] >= 8, "the lanes' names are too small to be read"
    click(page, lane(part, "violations").find_element(By.CLASS_NAME, "violation"))
    assert "VIOLATION access-not-in-d0" in said(part)
