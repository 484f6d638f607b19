"""The community page in a real browser: its order, its picture, and nothing it complains of."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from api.app import create_app

_CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_COMMUNITY = "/communities/leiden_semantic-run3-c0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_CHROMIUM is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def address(library) -> Iterator[str]:
    """Serve the graph on a free port of this machine; yields its address."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(library.engine), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser says on its console, and errors of scripts."""
    return []


@pytest.fixture
def page(browser: Browser, address: str, complaints: list[str]) -> Iterator[Page]:
    page = browser.new_page(base_url=address)
    page.on("console", lambda message: complaints.append(_words(message)))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(10_000)
    yield page
    page.close()


def test_the_sections_come_in_the_order_of_the_seed_page(page: Page, complaints: list[str]):
    page.goto(_COMMUNITY)

    headings = page.locator("h1, h2").all_inner_texts()
    assert headings == [
        "Features in superposition",
        "7 members. Each node is clickable.",
        "Sub-communities (2)",
        "Drawn from 2 sources",
        "Bridges (2)",
        "Seams and connectors",
        "Claims (3)",
        "Findings (4)",
    ]
    tops = [element.bounding_box()["y"] for element in page.locator("h1, h2").all()]
    assert tops == sorted(tops)
    assert complaints == []


def test_a_click_on_a_node_leads_to_its_statement(page: Page, library, complaints: list[str]):
    page.goto(_COMMUNITY)

    page.locator(f"a.node[data-statement={library.statements['pentagon']}]").click()

    page.wait_for_url(f"**/statements/{library.statements['pentagon']}")
    assert page.locator("h1").inner_text().startswith("The five embeddings formed")
    assert complaints == []


def test_pointing_at_a_node_shows_its_words_and_its_neighbours(page: Page, library):
    page.goto(_COMMUNITY)
    node = page.locator(f"a.node[data-statement={library.statements['pentagon']}]")

    node.hover()

    near = page.locator("a.node.near").evaluate_all("all => all.map(n => n.dataset.statement)")
    assert set(near) == {library.statements[name] for name in ("pentagon", "removal", "four")}
    assert "The five embeddings" in page.locator("[data-pointed]").inner_text()


def test_arrow_keys_walk_from_node_to_node_and_enter_opens_one(page: Page):
    page.goto(_COMMUNITY)
    page.locator("a.node[tabindex='0']").focus()
    started = page.evaluate("document.activeElement.dataset.statement")

    def place() -> tuple[float, float]:
        return page.evaluate("(({x, y}) => [Number(x), Number(y)])(document.activeElement.dataset)")

    for key, axis, sign in (
        ("ArrowRight", 0, 1),
        ("ArrowDown", 1, 1),
        ("ArrowLeft", 0, -1),
        ("ArrowUp", 1, -1),
        ("ArrowRight", 0, 1),
    ):
        before = place()
        page.keyboard.press(key)
        assert place() == before or sign * (place()[axis] - before[axis]) > 0
    reached = page.evaluate("document.activeElement.dataset.statement")
    page.keyboard.press("Enter")

    assert reached != started
    page.wait_for_url(f"**/statements/{reached}")
    assert page.locator("a.node[tabindex='0']").count() <= 1


def test_without_scripts_every_node_is_still_a_link(browser: Browser, address: str, library):
    context = browser.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    page.goto(_COMMUNITY)

    page.locator(f"a.node[data-statement={library.statements['four']}]").click()

    assert page.url == f"{address}/statements/{library.statements['four']}"
    context.close()


def test_no_page_breaks_the_content_security_policy(page: Page, library, complaints: list[str]):
    for path in (
        "/",
        "/communities",
        "/bridges",
        "/seams",
        "/evidence",
        f"/statements/{library.statements['together']}",
        f"/statements/{library.statements['script']}",
        "/sources",
        f"/sources/{library.sources['list']}",
        "/search?q=superposition",
        "/runs",
        "/runs/6",
    ):
        page.goto(path)

    assert complaints == []


@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_is_wider_than_the_screen(page: Page, library, width: int):
    page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "/",
        "/communities",
        "/bridges",
        "/seams",
        "/evidence",
        _COMMUNITY,
        f"/statements/{library.statements['together']}",
        "/sources",
        f"/sources/{library.sources['reply']}",
        "/search?q=superposition",
        "/runs/6",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def _words(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text}"
