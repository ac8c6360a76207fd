"""Snakemake's report of a finished run: its text, and what a reader finds in a browser."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from equivariance.workflow.report import CONCLUSIONS, CONCLUSIONS_TABLE, CONCLUSIONS_TESTS, PUBLISHED
from tests.workflow.tiny_workflow import EXPERIMENTS, Workflow

pytestmark = pytest.mark.xdist_group("report")  # one worker makes it, once

CATEGORY = re.compile(r"\d\d .+")
PROGRAMS = {name: shutil.which(name) for name in ("chromium", "chromedriver")}


@pytest.fixture(scope="module")
def report(finished: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the finished run, as one file."""
    folder = tmp_path_factory.mktemp("report") / "copy"
    shutil.copytree(finished.folder, folder, symlinks=True)
    done = Workflow(folder).snakemake("--report", "report.html")
    assert done.returncode == 0, done.stdout
    return folder / "report.html"


def test_the_report_is_made_offline_with_captions_and_categories(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert "Hyperparameters" in text
    assert "Max pooling" in text
    # The caption is the one of the paper, made from the table of the figure.
    assert "of each layer, the mean over its feature maps or units" in text
    assert "Source: MaxPooling" in text
    # The tiny run has no experiment that numbers were published for.
    assert "514 are missing in this run" in text


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """The system's Chromium, without a window."""
    absent = [name for name, program in PROGRAMS.items() if program is None]
    if absent:
        pytest.skip(f"the report is not opened in a browser: there is no {' and no '.join(absent)} here")
    options = webdriver.ChromeOptions()
    options.binary_location = str(PROGRAMS["chromium"])
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1600,1200"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=str(PROGRAMS["chromedriver"]))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def elements(browser: webdriver.Chrome, selector: str) -> list[WebElement]:
    """What a selector finds, as soon as there is any."""
    return WebDriverWait(browser, 20).until(lambda page: page.find_elements(By.CSS_SELECTOR, selector))


def categories(browser: webdriver.Chrome) -> dict[str, WebElement]:
    """The chapters in the menu, from top to bottom."""
    items = elements(browser, "#app ul li a")
    return {item.text: item for item in items if CATEGORY.fullmatch(item.text)}


def new_image(browser: webdriver.Chrome, seen: set[str]) -> WebElement:
    """The figure that is shown, when it is loaded and another one than those seen before."""

    def found(page: webdriver.Chrome) -> WebElement | None:
        images = page.find_elements(By.CSS_SELECTOR, "#app .justify-center img")
        new = [one for one in images if one.get_property("src") not in seen and one.get_property("complete")]
        return new[0] if new else None

    return WebDriverWait(browser, 20).until(found, "no other figure is shown")


def test_a_reader_finds_every_figure_under_its_chapter(
    report: Path, finished: Workflow, browser: webdriver.Chrome
) -> None:
    browser.get(report.as_uri())
    entries = {name: finished.entry(name) for name in EXPERIMENTS}
    chapters = list(dict.fromkeys(str(entry["chapter"]) for entry in entries.values()))
    found = [*categories(browser)]
    every = [CONCLUSIONS, *chapters, PUBLISHED]
    assert found == [f"{place:02} {chapter}" for place, chapter in enumerate(every, 1)]
    shown: dict[str, str] = {}
    seen: set[str] = set()
    for category in found:
        categories(browser)[category].click()
        for row in elements(browser, "#app tbody tr"):
            title = row.find_element(By.TAG_NAME, "td").text
            eye, _ = row.find_elements(By.CSS_SELECTOR, "a[type=button]")  # the other one tells of the job
            eye.click()
            shown[title] = category.partition(" ")[2]
            if title == CONCLUSIONS_TABLE:
                browser.switch_to.frame(elements(browser, "iframe")[0])
                assert (
                    len(elements(browser, "tbody tr"))
                    == pd.read_csv(finished.results / "claims.csv")["claim"].nunique()
                ), "not each claim has a row"
                browser.switch_to.default_content()
                continue
            image = new_image(browser, seen)
            assert image.is_displayed(), title
            assert image.get_property("naturalWidth") > 500 and image.size["height"] > 50, title
            seen.add(image.get_property("src"))
        elements(browser, "#app nav ol a")[0].click()  # back to the menu
    expected = {entry["title"]: entry["chapter"] for entry in entries.values()} | {PUBLISHED: PUBLISHED}
    assert shown == expected | dict.fromkeys((CONCLUSIONS, CONCLUSIONS_TABLE, CONCLUSIONS_TESTS), CONCLUSIONS)
    errors = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors, json.dumps(errors, indent=2)
