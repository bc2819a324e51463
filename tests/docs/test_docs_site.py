"""`make docs`: the site builds without a warning, is complete, and needs no network to be read."""

import importlib
import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

import tinygrad_mnist

pytest.importorskip("mkdocs", reason="needs the extra `docs`")

ROOT = Path(__file__).parents[2]
# What a browser fetches by itself, by element and attribute; links are only followed by people.
FETCHED = {
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}


class Page(HTMLParser):
    """A page: where its links lead, what it fetches, which places it has, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self.fetched += [found[name] for name in FETCHED.get(tag, ()) if name in found]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Site(NamedTuple):
    """The built site: its directory and its pages by their paths."""

    root: Path
    pages: dict[Path, Page]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site that the variable ``TINYGRAD_MNIST_SITE`` names, just built, or one built here."""
    built = os.environ.get("TINYGRAD_MNIST_SITE")
    root = Path(built).resolve() if built else build(tmp_path_factory.mktemp("site"))
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in root.rglob("*.html")}
    assert pages, f"no site was built in {root}"
    return Site(root, pages)


def build(root: Path) -> Path:
    """Build as `make docs` does."""
    done = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", root],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout + done.stderr
    return root


def test_nothing_is_fetched_from_elsewhere(site: Site) -> None:
    for path, page in site.pages.items():
        for address in page.fetched:
            if address.startswith("data:"):
                continue
            assert not urlsplit(address).netloc, f"{path.name} fetches {address}"
            # The page for what is missing may be shown anywhere: its paths are those of a server.
            base = site.root if path.name == "404.html" else path.parent
            assert (base / unquote(urlsplit(address).path).lstrip("/")).exists(), address
    for path in site.root.rglob("*.css"):
        found = re.findall(r"(?:url\(|@import\s+)['\"]?((?:https?:)?//[^)'\"]*)", path.read_text())
        assert not found, f"{path.name} fetches {found}"


def test_every_link_leads_somewhere(site: Site) -> None:
    broken = [
        f"{path.relative_to(site.root)}: {link}"
        for path, page in site.pages.items()
        if path.name != "404.html"  # its links are those of a server's root
        for link in page.links
        if not leads_somewhere(site, path, link)
    ]
    assert not broken


def leads_somewhere(site: Site, path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.exists():
        return False
    place = unquote(parts.fragment)
    return not place or target not in site.pages or place in site.pages[target].places


CHROMIUM = shutil.which("chromium")
ALONE = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --virtual-time-budget=20000"
)


@pytest.mark.skipif(CHROMIUM is None, reason="needs the browser chromium")
def test_the_site_is_searched_without_a_server(site: Site, tmp_path: Path) -> None:
    start = f"{(site.root / 'index.html').as_uri()}?q=einsum"
    command = [CHROMIUM or "", *ALONE.split(), f"--user-data-dir={tmp_path}", "--dump-dom", start]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603
    found = re.search('class="md-search-result__list".*?</ol>', done.stdout, re.DOTALL)
    assert found is not None
    results = Page(found[0])
    assert any("functions.html" in link for link in results.links)


def test_formulas_are_shown_as_formulas(site: Site) -> None:
    raw = re.compile(r"\$`|`\$|:math:|\\bar|\\frac|<!-- (?:figure|source|rooms)")
    for path in site.pages:
        html = path.read_text(encoding="utf-8")
        html = re.sub(r"<pre>.*?</pre>|<code>.*?</code>", "", html, flags=re.DOTALL)
        assert not raw.search(html), f"{path.name}: {raw.search(html)}"
    assert any("math" in path.read_text(encoding="utf-8") for path in site.pages)


def is_own(name: str, value: Any, module: ModuleType) -> bool:
    """Tell whether a module that does not say what is public defines this for others."""
    return not name.startswith("_") and getattr(value, "__module__", None) == module.__name__


def public() -> Iterator[tuple[str, ModuleType]]:
    """Go through the names that the package and all its rooms hand out."""
    rooms = [
        importlib.import_module(info.name)
        for info in pkgutil.iter_modules(tinygrad_mnist.__path__, "tinygrad_mnist.")
        if not info.name.endswith(("__main__", ".cli"))
    ]
    seen: set[ModuleType] = set()
    stack = [tinygrad_mnist, *rooms]
    while stack:
        module = stack.pop()
        if module in seen or module.__name__.startswith("tinygrad_mnist.rules."):
            continue
        seen.add(module)
        own = [name for name, value in vars(module).items() if is_own(name, value, module)]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            if inspect.ismodule(value):
                stack.append(value)
            else:
                yield name, module


def test_every_public_name_is_in_the_reference(site: Site) -> None:
    for name, module in public():
        title = module.__name__.removeprefix("tinygrad_mnist.")
        page = site.pages[site.root / "reference" / f"{title}.html"]
        assert name in page.text, f"{module.__name__}.{name} is not in the reference"


def has_docstring(value: Any) -> bool:
    return bool((inspect.getdoc(value) or "").strip())


def test_every_public_name_has_a_docstring() -> None:
    """Names at run time; ruff sees to all that is written as a function or a class."""
    for name, module in public():
        value = getattr(module, name)
        assert has_docstring(module), module.__name__
        if inspect.isroutine(value):
            assert has_docstring(value), f"{module.__name__}.{name}"
        if not inspect.isclass(value):
            continue
        assert value.__doc__, f"{module.__name__}.{name}"
        for attribute, member in vars(value).items():
            documented = inspect.isfunction(member) or isinstance(member, property)
            if documented and not attribute.startswith("_"):
                assert has_docstring(member), f"{module.__name__}.{name}.{attribute}"


def test_the_rooms_do_not_import_each_other_in_circles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts" / "site")
    rooms = importlib.import_module("rooms")
    assert {"engine", "rules", "tensor", "nn"} <= rooms.imports().keys()
    assert rooms.imports()["engine"] == set()
    assert rooms.picture().startswith("<svg")
    drawing = importlib.import_module("drawing")
    boxes = {name: drawing.Box((name,)) for name in "ab"}
    with pytest.raises(ValueError, match="point at each other"):
        drawing.layered(boxes, {"a": ["b"], "b": ["a"]}, "a circle")


def test_what_a_page_asks_for_and_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts" / "site")
    formulas, sources = importlib.import_module("formulas"), importlib.import_module("sources")
    with pytest.raises(ValueError, match="nonsense"):
        formulas.mathml(r"\nonsense{x}")
    with pytest.raises(AttributeError):
        sources.quoted("<!-- source: tinygrad_mnist.engine.sweep.nothing -->", "page.md")
    with pytest.raises(LookupError):
        sources.quoted("<!-- source: tinygrad_mnist.rules.arithmetic define(np.no) -->", "page.md")
    quote = "<!-- source: tinygrad_mnist.rules.arithmetic define(np.negative) -->"
    assert "vjps=(lambda g, y, a: -g,)" in sources.quoted(quote, "page.md")
