"""The `pandian` command: its commands, and how an error becomes one line and an exit code."""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from typing import NoReturn

import click

from flows.commands.ask import recommend, search
from flows.commands.doctor import doctor
from flows.commands.inventory import inventory
from flows.commands.review import promote, review, rollback
from flows.commands.run import demo, run
from flows.commands.settings import settings_group
from flows.commands.upkeep import gc
from flows.printable import printable
from tasks.errors import PandianError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="pandian")
def cli(debug: bool) -> None:
    """Take stock of the data behind a shop's search and recommendation.

    Example: pandian demo
    """


for command in (demo, run, inventory, search, recommend, review, promote, rollback, gc, doctor, settings_group):
    cli.add_command(command)


def main() -> None:
    """Run the command line, and turn an expected error into one line and its exit code."""
    try:
        cli.main(prog_name="pandian", standalone_mode=False)
    except PandianError as error:
        _fail(str(error), error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        _fail("Stopped.", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        _fail(_wrong_usage(error), 2)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the edge: a bug becomes exit code 1, with its traceback on request
        _fail(f"This is a bug in pandian: {type(error).__name__}: {error} `pandian --debug …` shows where.", 1)


def _fail(message: str, exit_code: int) -> NoReturn:
    if "--debug" in sys.argv:
        traceback.print_exc()
    click.echo(printable(" ".join(message.split())), err=True)
    atexit.register(_hush)
    sys.exit(exit_code)


def _wrong_usage(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "pandian"
    return f"{error.format_message()} `{command} --help` shows how it is used."


def _hush() -> None:
    """Print no more: what an error's frames still hold, DuckDB's binding complains of as the interpreter ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
