"""The pages: the same views, in the seed page's order, escaped, and readable without scripts."""

import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from fastapi.testclient import TestClient

from api import layout
from api.app import create_app
from api.counting import count_of
from api.pages import branches_of
from api.templating import is_web_address, moment, number, probability, templates
from api.views import sources as source_views
from api.views.communities import communities_view
from kg.db import writing
from kg.relations import RelationDraft, add_relations

COMMUNITY = "/communities/leiden_semantic-run3-c0"
PATHS = [
    "/",
    "/communities",
    "/communities?method=leiden_semantic",
    "/communities?run=2",
    "/changes",
    "/changes?method=leiden_concepts",
    "/compare?before=2&after=4",
    COMMUNITY,
    "/communities/leiden_concepts-run4-c1",
    "/communities/leiden_semantic-run2-c0",
    "/statements/{together}",
    "/statements/{script}",
    "/seams",
    "/evidence",
    "/evidence?stance=supports&limit=1",
    "/sources",
    "/sources/{reply}",
    "/sources/{list}",
    "/search",
    "/search?q=superposition",
    "/search?q=zebra",
    "/runs",
    "/runs?limit=2&offset=4",
    "/runs/6",
]
VOID = {"meta", "link", "img", "input", "br", "line", "circle", "rect"}


class Page(HTMLParser):
    """What a test wants to know of a page; fails where elements do not close as they opened."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.attributes |= named.keys()
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named["href"]] if tag == "a" else []
        self.scripts += [named.get("src")] if tag == "script" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts += [data.strip()] if data.strip() else []

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_well_formed_and_needs_nothing_inline(web, library, path):
    answer = web.get(path.format(**library.statements, **library.sources))
    page = Page(answer.text)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "style" not in page.attributes
    assert not any(name.startswith("on") for name in page.attributes)
    assert set(page.scripts) <= {"/static/graph.js"}
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.parametrize("path", PATHS)
def test_every_link_of_a_page_leads_somewhere(web, library, path):
    address = path.format(**library.statements, **library.sources)
    page = Page(web.get(address).text)

    for link in {link for link in page.links if not link.startswith("https://example.org")}:
        answer = web.get(urljoin(address, link))
        fragment = link.partition("#")[2] or answer.url.fragment
        assert answer.status_code == 200, link
        assert not fragment or f'id="{fragment}"' in answer.text, link


def test_the_community_page_shows_who_named_it_on_what_and_what_was_refused(web):
    text = web.get(COMMUNITY).text

    words = Page(text).words
    assert "Named by offline on 2 members, marked “named by” below." in words
    assert "Refused before:" in words
    assert "“Pentagons of Virtue”: no member says “Virtue”" in words
    assert text.count('<span class="chip">named by</span>') == 2


def test_the_community_page_keeps_the_order_of_the_seed_page(web):
    words = Page(web.get(COMMUNITY).text).words

    order = [
        "community",
        "active",
        "leiden_semantic",
        "label: offline",
        "leiden_semantic-run3-c0",
        "Features in superposition",
        "Statements on features in superposition.",
        "7 members. Each node is clickable.",
        "Sub-communities (2)",
        "Interference of active features",
        "Drawn from 2 sources",
        "4 members",
        "Bridges (2)",
        "None of them shares more than chance would make.",
        "2 that share no more than chance would make",
        "leiden_concepts-run4-c0",
        "3 shared",
        "which chance could do",
        "The 3 shared statements",
        "leiden_concepts-run4-c1",
        "Nested in other methods (1)",
        "A part of this one",
        "leiden_concepts-run4-c2",
        "Seams and connectors",
        "Claims (3)",
        "Says when features in superposition get in each other's way.",
        "refuted",
        "inconclusive",
        "Findings (4)",
        "Interference grew with the number of active features.",
        "supported",
    ]
    main = words[words.index("Search community") :]
    places = []
    for part in order:
        places.append(main.index(part, places[-1] + 1 if places else 0))
    assert places == sorted(places)


def test_the_tree_nests_each_community_in_its_parent(session):
    top, other = branches_of(communities_view(session, "leiden_semantic").root)

    assert top.community.id == "leiden_semantic-run3-c0"
    assert [branch.community.id[-5:] for branch in top.branches] == ["c0-c0", "c0-c1"]
    assert [branch.branches for branch in (*top.branches, other)] == [[], [], []]


def test_every_member_is_a_node_that_leads_to_its_statement(web, library):
    html = web.get(COMMUNITY).text

    picture = html[html.index('<figure class="graph"') : html.index("</figure>")]
    nodes = re.findall(r'<a class="node (\w+) [^"]*" href="/statements/(\w+)"', picture)
    names = {identifier: name for name, identifier in library.statements.items()}
    assert {(kind, names[identifier]) for kind, identifier in nodes} == {
        ("claim", "superposition"),
        ("claim", "together"),
        ("claim", "apart"),
        ("finding", "grew"),
        ("finding", "pentagon"),
        ("finding", "removal"),
        ("finding", "four"),
    }
    # Circles for claims, squares for findings.
    assert len(re.findall(r'<circle class="mark"', picture)) == 3
    assert len(re.findall(r'<rect class="mark"', picture)) == 4
    assert picture.count("<title>") == picture.count('aria-label="claim: ') + picture.count(
        'aria-label="finding: '
    )


def test_a_large_community_says_what_it_leaves_out(web, monkeypatch):
    monkeypatch.setattr(layout, "N_NODES", 4)
    monkeypatch.setattr(layout, "N_EDGES", 1)

    words = Page(web.get(COMMUNITY).text).words

    assert "Only the 4 most connected statements are drawn; 3 more are in the lists below." in words
    assert "Only the 1 strongest ties are drawn" in words


def test_bridges_that_chance_could_make_are_folded_away(cluster_by_hand):
    inside = ["superposition", "together", "apart", "recover", "split"]
    outside = ["weights", "script", "pentagon", "removal", "four"]
    pairs = {f"c{i}": list(pair) for i, pair in enumerate(zip(inside, outside, strict=True))}
    early = {"c0": inside, "c1": outside}
    library = cluster_by_hand({"leiden_semantic": early, "leiden_concepts": pairs})

    html = TestClient(create_app(library.engine)).get("/communities/leiden_semantic-run2-c0").text

    assert "Bridges (5)" in html
    before, after = html.split("<summary>5 that share no more than chance would make</summary>")
    assert "leiden_concepts-run3" not in before
    assert all(f"leiden_concepts-run3-c{i}" in after for i in range(5))


def test_what_documents_say_is_text_and_never_markup(web, library):
    for path in ("/statements/{script}", "/sources/{list}", "/communities/leiden_semantic-run3-c1"):
        html = web.get(path.format(**library.statements, **library.sources)).text

        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(" in html
    assert "<b>" not in web.get("/sources").text


def test_a_document_cannot_name_an_address_that_runs(web, library):
    html = web.get(f"/sources/{library.sources['list']}").text

    assert 'href="javascript' not in html
    assert "javascript:alert(1)" in html
    assert (
        'href="https://example.org/notes"' in web.get(f"/sources/{library.sources['notes']}").text
    )


def test_statements_are_marked_in_the_text_of_their_source(web, library):
    html = web.get(f"/sources/{library.sources['notes']}").text

    marks = re.findall(r'<mark class="(\w+)" id="(men_\w+)"><a href="/statements/(\w+)"', html)
    assert [(kind, identifier) for kind, _, identifier in marks] == [
        ("claim", library.statements["superposition"]),
        ("claim", library.statements["together"]),
        ("finding", library.statements["pentagon"]),
        ("finding", library.statements["removal"]),
        ("claim", library.statements["superposition"]),
    ]


def test_a_mention_leads_to_its_mark_even_in_a_long_text(web, library, monkeypatch):
    monkeypatch.setattr(source_views, "N_TEXT", 50)
    (mention,) = web.get(f"/api/statements/{library.statements['removal']}").json()["mentions"]

    answer = web.get(f"/places/{mention['id']}")

    assert answer.url.query == b"first=1"
    assert answer.url.fragment == mention["id"]
    assert f'id="{mention["id"]}"' in answer.text


def test_the_statement_page_says_who_asserted_a_relation_and_that_it_is_no_evidence(
    cluster_by_hand,
):
    library = cluster_by_hand({})
    head, tail = library.statements["apart"], library.statements["together"]
    draft = RelationDraft(head=head, kind="refines", tail=tail, reason="<b>adds</b>", method="m-1")
    with writing(library.engine) as session:
        add_relations(session, [draft])

    page = TestClient(create_app(library.engine)).get(f"/statements/{tail}").text

    assert "Relations (1)" in page
    assert "none of them is evidence" in page
    assert "is refined by" in page
    assert f'href="/statements/{head}"' in page
    assert "asserted by m-1" in page
    assert "&lt;b&gt;adds&lt;/b&gt;" in page


def test_the_statement_page_shows_quote_page_and_ledger(web, library):
    words = Page(web.get(f"/statements/{library.statements['apart']}").text).words
    tested = Page(web.get(f"/statements/{library.statements['removal']}").text).words

    assert "Geometry · page 3 · characters" in words
    assert "No experiment has tested this statement." in words
    assert "✓ supported specificity on tms_5-2" in tested
    assert "control: random directions 0.3 0.25 to 0.36 200" in tested
    assert "0.97 share of the change, 95 % interval 0.95 to 0.99, n = 200" in tested


def test_a_superseded_community_leads_to_the_later_run(web):
    page = Page(web.get("/communities/leiden_semantic-run2-c0").text)

    assert "superseded" in page.texts
    assert "/communities/leiden_semantic-run3-c0" in page.links


def test_pages_of_a_long_list_lead_to_each_other(web):
    middle = Page(web.get("/runs?limit=2&offset=4").text)

    assert "5–6 of 9" in middle.words
    assert "/runs?limit=2&offset=2" in middle.links
    assert "/runs?limit=2&offset=6" in middle.links


def test_the_statements_of_a_source_come_in_stretches(web, library):
    source = f"/sources/{library.sources['reply']}"
    middle = Page(web.get(f"{source}?limit=2&offset=2").text)

    assert "3–4 of 5" in middle.words
    assert f"{source}?limit=2&offset=0#statements" in middle.links
    assert f"{source}?limit=2&offset=4#statements" in middle.links
    assert f"/api{source}?limit=2&offset=2" in middle.links
    assert "1–5 of 5" not in Page(web.get(source).text).words


@pytest.mark.parametrize("path", ["/", "/communities", "/sources", "/runs", "/search"])
def test_an_empty_graph_says_what_to_do(empty_web: TestClient, path):
    answer = empty_web.get(path)

    assert answer.status_code == 200
    assert path in {"/runs", "/search"} or "claimgraph " in Page(answer.text).words


def test_the_first_page_of_an_empty_graph_shows_how_to_begin(empty_web: TestClient):
    words = Page(empty_web.get("/").text).words

    assert "Nothing has been read yet" in words
    assert "claimgraph ingest PATH" in words
    assert "claimgraph cluster --method" in words


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/communities/nowhere", 404, "nowhere"),
        ("/places/men_none", 404, "men_none"),
        ("/no/such/page", 404, "there is no page at /no/such/page"),
        ("/communities?method=louvain", 400, "louvain"),
        ("/sources?limit=0", 422, "limit"),
        ("/search?q=" + "x" * 1001, 422, "q"),
    ],
)
def test_errors_are_pages_that_say_what_is_wrong(web, path, status, detail):
    answer = web.get(path)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert detail in Page(answer.text).words


def test_a_source_says_how_to_cite_it_and_a_run_what_it_took_apart(web, library):
    source = web.get(f"/api/sources/{library.sources['notes']}").json()

    assert "title = {{Notes on superposition}}" in source["bibtex"]
    assert source["bibtex"].splitlines()[0] in web.get(f"/sources/{source['id']}").text
    assert "spd of tms_5-2" in Page(web.get("/runs").text).words


def test_a_search_can_be_kept_to_findings_of_one_source(web, library):
    title = "Notes on superposition"
    source = library.sources["notes"]
    everywhere = web.get("/api/search", params={"q": "features pentagon"}).json()

    found = web.get(
        "/api/search", params={"q": "features pentagon", "kind": "finding", "source": source}
    ).json()
    page = web.get(f"/search?q=features+pentagon&kind=finding&source={source}").text

    assert found["source"]["title"] == title
    assert {hit["kind"] for hit in found["hits"]} == {"finding"}
    assert all(title in [s["title"] for s in hit["sources"]] for hit in found["hits"])
    assert len(found["hits"]) < len(everywhere["hits"])
    assert f"Only in {title}" in Page(page).words
    assert '<option value="finding" selected>' in page
    assert web.get("/search?q=pentagon&kind=&source=").status_code == 200
    assert web.get("/search?q=pentagon&source=src_gone").status_code == 404


def test_a_search_says_when_it_went_by_words_alone(library, tmp_path):
    web = TestClient(create_app(library.engine, str(tmp_path)))

    words = Page(web.get("/search?q=pentagon").text).words

    assert "searched by words alone" in words
    assert "The five embeddings formed a regular pentagon" in words


def test_the_templates_put_values_into_words():
    assert moment("2026-03-01T14:05:59Z") == "2026-03-01 14:05 UTC"
    assert [number(12345), number(0.123456), number(1.0)] == ["12,345", "0.1235", "1"]
    assert [count_of(1, "member"), count_of(2, "community", "communities")] == [
        "1 member",
        "2 communities",
    ]
    assert [probability(0.0123), probability(0.0)] == ["= 0.012", "< 0.000001"]
    assert [
        is_web_address(url) for url in ("https://a.b", "javascript:x", None, "http://[", "")
    ] == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_the_evidence_page_shows_what_was_tested_and_how_it_came_out(web, library):
    html = web.get("/evidence").text
    supported = web.get("/evidence?stance=supports").text

    assert html.count('class="card evidence"') == 2
    assert html.count("<strong>Predicted</strong>") == 3
    assert "✗ refuted" in html
    assert f'href="/statements/{library.statements["removal"]}"' in supported
    assert library.statements["together"] not in supported
    assert "?stance=supports&amp;limit=50" in supported
    assert "✗ refuted" not in supported


def test_where_nothing_was_tested_the_evidence_page_says_how(empty_web):
    assert "claimgraph test STATEMENT" in empty_web.get("/evidence").text


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_a_fact_that_is_empty_is_a_dash(nothing):
    value = templates.get_template("macros.html").module.value

    assert (
        value({"settings": nothing})
        == '<dl class="facts"><div><dt>settings</dt><dd>–</dd></div></dl>'
    )


def test_a_number_among_facts_is_not_broken_over_two_lines():
    value = templates.get_template("macros.html").module.value

    assert '<span class="number">0.05006</span>' in value({"control": 0.050062})
