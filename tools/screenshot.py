"""Takes the picture of the console that docs/ shows, from a running system: tools/screenshot.py URL OUT.png."""

import argparse
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def main() -> int:
    """Take the picture; returns the exit status: 0 done, 1 no robot was seen in time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of the console, as http://127.0.0.1:8080/")
    parser.add_argument("out", type=Path, help="PNG file to write")
    parser.add_argument("--width", type=int, default=1600)
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--robot", help="robot to show in detail, the first when not given")
    parser.add_argument("--camera", help="camera of that robot, its first when not given")
    parser.add_argument("--light", action="store_true", help="light colors instead of dark ones")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds to wait for robots")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as profile:
        driver = _browser(profile, arguments.width, arguments.height, is_light=arguments.light)
        try:
            driver.get(arguments.url)
            _wait_for_robots(driver, arguments.timeout)
            if arguments.robot:
                driver.find_element(By.CSS_SELECTOR, f"[data-robot='{arguments.robot}']").click()
            if arguments.camera:
                driver.find_element(By.CSS_SELECTOR, f"[data-camera='{arguments.camera}']").click()
            _wait_for(driver, ".camera img")
            _wait_for(driver, ".tree .node")
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            driver.save_screenshot(str(arguments.out))
        except (TimeoutException, WebDriverException) as error:
            sys.stderr.write(f"no picture of {arguments.url}: {error.msg}\n")
            return 1
        finally:
            driver.quit()
    return 0


def _browser(profile: str, width: int, height: int, *, is_light: bool) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    colors = {"features": [{"name": "prefers-color-scheme", "value": "light" if is_light else "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", colors)
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    return driver


def _wait_for_robots(driver: webdriver.Chrome, timeout: float) -> None:
    def has_robots(browser: webdriver.Chrome) -> bool:
        maps = browser.find_elements(By.CSS_SELECTOR, "canvas[data-robots]")
        return any(canvas.get_attribute("data-robots") for canvas in maps)

    WebDriverWait(driver, timeout).until(has_robots)


def _wait_for(driver: webdriver.Chrome, css: str) -> None:
    """Wait for a part that not every robot has at every time."""

    def is_shown(browser: webdriver.Chrome) -> bool:
        found = browser.find_elements(By.CSS_SELECTOR, css)
        return bool(found) and found[0].is_displayed()

    try:
        WebDriverWait(driver, 6.0).until(is_shown)
    except TimeoutException:
        sys.stderr.write(f"the picture lacks {css}\n")


if __name__ == "__main__":
    sys.exit(main())
