"""The reference of commands, made from the commands: `python -m api.reference` prints it."""

import typer

_HEAD = """# Commands

Made by `python -m api.reference > docs/cli.md`; a test fails when it is out of date.

Every command takes `--db`, which names the database by path or SQLAlchemy URL; without it,
`CLAIMGRAPH_DB` does, and without that `claimgraph.db` in the current folder. Reading commands
take `--json` and then print one JSON document on standard output and nothing else. Exit code 0
means done, 1 that something cannot be done (the message says what, where and what to do), 2
that the command line is wrong, 130 an interruption.
"""


def command_reference(app: typer.Typer) -> str:
    """Return the whole reference as Markdown, one section a command."""
    group = typer.main.get_group(app)
    sections = [_HEAD]
    for name in group.commands:
        command = group.commands[name]
        context = typer.Context(command, info_name=name)
        usage = " ".join(command.collect_usage_pieces(context))
        lines = [
            f"## claimgraph {name}",
            "",
            command.help or "",
            "",
            f"`claimgraph {name} {usage}`",
        ]
        rows = [record for param in command.params if (record := param.get_help_record(context))]
        if rows:
            lines += ["", "| option | |", "|---|---|"]
            lines += [f"| `{option}` | {_cell(text)} |" for option, text in rows]
        sections.append("\n".join(lines) + "\n")
    return "\n".join(sections)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    from api.cli import app

    typer.echo(command_reference(app), nl=False)
