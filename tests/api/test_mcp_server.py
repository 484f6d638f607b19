"""MCP: the views as tools."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.server import MCPServer
from mcp.types import CallToolResult

from api.mcp_server import server_of
from api.views.communities import community_view
from kg.db import open_engine


def _asked(server: Any, question: Callable[[Client], Awaitable[Any]]) -> Any:
    async def ask() -> Any:
        async with Client(server) as client:
            return await question(client)

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def server(library) -> MCPServer[None]:
    return server_of(library.engine, None)


def _called(server: MCPServer[None], tool: str, **arguments: object) -> CallToolResult:
    return _asked(server, lambda client: client.call_tool(tool, arguments))


def _answer(server: MCPServer[None], tool: str, **arguments: object) -> Any:
    result = _called(server, tool, **arguments)
    assert not result.is_error, result.content
    return result.structured_content


def test_a_tool_answers_with_the_view_that_rest_shows(server, session):
    answer = _answer(server, "community", community_id="leiden_semantic-run3-c0")

    view = community_view(session, "leiden_semantic-run3-c0")
    assert answer == json.loads(view.model_dump_json())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("overview", {}),
        ("search", {"query": "superposition", "limit": 2}),
        ("statement", {"statement_id": "{together}"}),
        ("evidence", {"statement_id": "{removal}"}),
        ("tested", {"stance": "refutes"}),
        ("sources", {"limit": 1, "offset": 1}),
        ("source", {"source_id": "{reply}"}),
        ("concepts", {}),
        ("duplicates", {}),
        ("communities", {"method": "leiden_semantic"}),
        ("bridges", {}),
        ("bridges_of", {"community_id": "leiden_semantic-run3-c0"}),
        ("seams", {}),
        ("changes", {}),
        ("run", {"run_id": 3}),
    ],
)
def test_every_tool_answers(library, server, tool, arguments):
    names = {**library.statements, **library.sources}
    filled = {
        name: value.format(**names) if isinstance(value, str) else value
        for name, value in arguments.items()
    }

    assert _answer(server, tool, **filled)


def test_a_source_gives_a_stretch_of_its_statements(library, server):
    answer = _answer(server, "source", source_id=library.sources["reply"], limit=2, offset=1)

    shown = [row["id"] for row in answer["statements"]]
    assert shown == [library.statements["apart"], library.statements["recover"]]


def test_every_tool_says_what_it_does_and_that_it_only_reads(server):
    listed = _asked(server, lambda client: client.list_tools())

    assert all(tool.description and tool.annotations.read_only_hint for tool in listed.tools)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("statement", {"statement_id": "stm_nothing"}, "there is no statement stm_nothing"),
        ("community", {"community_id": "c0"}, "there is no community c0"),
        ("concept", {"name": "phlogiston"}, "phlogiston"),
        ("search", {"query": "x" * 1001}, "1000"),
        ("sources", {"limit": 0}, "limit"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(server, tool, arguments, words):
    result = _called(server, tool, **arguments)

    assert result.is_error
    assert words in result.content[0].text


def test_an_empty_database_has_an_overview():
    empty = server_of(open_engine(None), None)

    result = _asked(empty, lambda client: client.call_tool("overview", {}))

    assert result.structured_content["counts"]["sources"] == 0


def test_the_command_serves_over_standard_input_and_output(library):
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "api.cli", "mcp", "--db", str(library.engine.url.database)],
    )

    result = _asked(command, lambda client: client.call_tool("overview", {}))

    assert result.structured_content["counts"]["sources"] == 3
