"""The reference of commands, made from the commands: `python -m api.reference` prints it."""

from collections.abc import Iterator

import typer
from typer.core import TyperGroup

_HEAD = """# Commands

Made by `python -m api.reference > docs/cli.md`; a test fails when it is out of date.

Every command that opens a database takes `--db`, which names it by path or SQLAlchemy URL; without
it, `CLAIMGRAPH_DB` does, and without that `claimgraph.db` in the current folder. Reading commands
take `--json` and then print one JSON document on standard output and nothing else. Exit code 0
means done, 1 that something cannot be done (the message says what, where and what to do), 2
that the command line is wrong, 130 an interruption.
"""


def command_reference(app: typer.Typer) -> str:
    """Return the whole reference as Markdown, one section a command."""
    return "\n".join([_HEAD, *_sections(typer.main.get_group(app), "claimgraph")])


def _sections(group: TyperGroup, called: str) -> Iterator[str]:
    """Yield the section of each command of a group; groups inside it are gone into."""
    for name, command in group.commands.items():
        title = f"{called} {name}"
        if isinstance(command, TyperGroup):
            yield from _sections(command, title)
            continue
        context = typer.Context(command, info_name=name)
        usage = " ".join(command.collect_usage_pieces(context))
        lines = [f"## {title}", "", command.help or "", "", f"`{title} {usage}`"]
        rows = [record for param in command.params if (record := param.get_help_record(context))]
        if rows:
            lines += ["", "| option | |", "|---|---|"]
            lines += [f"| `{option}` | {_cell(text)} |" for option, text in rows]
        yield "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    from api.cli import app

    typer.echo(command_reference(app), nl=False)
