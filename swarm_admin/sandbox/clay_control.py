"""Control calls for Clay as it is sold: what a person sets up, presses and sees there.

| call | does |
|---|---|
| `PUT, DELETE /_clay/sources/{slug}` | a source: `token`, `table`, `workspace`, `life`, `taken` |
| `PUT /_clay/tables/{id}` | a table: `auto_update`, `dedupe`, `columns`, `waterfalls`, `callback` |
| `POST /_clay/tables/{id}/run` | presses run: `{"column": "enrichment" or "callback", "rows"?: [ids]}` |
| `GET /_clay/tables/{id}/rows?column=value` | the rows as a person sees them, found by their columns |
| `PATCH, DELETE /_clay/tables/{id}/rows/{row}` | corrects or deletes a row by hand |
| `PUT, DELETE /_clay/routines/{id}` | a routine: `inputs`, `outputs`, `waterfalls`, `not_found`, `wrong_inputs` |
| `PUT, DELETE /_clay/webhooks/{id}`, `POST …/test` | a signed webhook (`url`, `secret`), and a test event |
| `GET /_clay/credits`, `DELETE /_clay/credits/{workspace}` | both meters; a new month |

A table's `callback` is its HTTP API column: `url`, `headers`, `body` (`clay_table.template`), `rate_limit` calls in
`rate_seconds`, `requires` (columns without which it does not run).
"""

from typing import Any, Protocol

from starlette.routing import Route

from swarm_admin.sandbox.clay_routine.api import ClayRoutine
from swarm_admin.sandbox.clay_table.sources import ClayTable
from swarm_admin.sandbox.clay_table.template import as_text
from swarm_admin.sandbox.control import call
from swarm_admin.sandbox.credits import Credits


class Workshop(Protocol):
    """Where the present state is: a reset makes another."""

    clay_table: ClayTable
    clay_routine: ClayRoutine
    credits: Credits


def tables(world: Workshop) -> list[Route]:
    """Sources, tables and rows."""

    def source(path: dict[str, str], document: dict[str, Any]) -> Any:
        table = world.clay_table
        if path["method"] == "DELETE":
            table.sources[path["slug"]].deleted = True
            return {"ok": True}
        return table.set_source(path["slug"], document).shown(table.config)

    def sheet(path: dict[str, str], document: dict[str, Any]) -> Any:
        return world.clay_table.set_table(path["id"], document).shown()

    def run(path: dict[str, str], document: dict[str, Any]) -> Any:
        rows = document.get("rows")
        if document.get("column") not in ("enrichment", "callback"):
            raise ValueError("column must be enrichment or callback")
        return {"rows": world.clay_table.press_run(path["id"], document["column"], rows)}

    def rows(path: dict[str, str], wanted: dict[str, Any]) -> Any:
        listed = [row.shown() for row in world.clay_table.sheets[path["id"]].rows.values()]
        return {
            "rows": [
                row
                for row in listed
                if all(as_text(row["cells"].get(name, {}).get("value")) == value for name, value in wanted.items())
            ]
        }

    def row(path: dict[str, str], document: dict[str, Any]) -> Any:
        if path["method"] == "DELETE":
            world.clay_table.delete_row(path["id"], path["row"])
            return {"ok": True}
        return world.clay_table.correct_row(path["id"], path["row"], document).shown()

    return [
        call("/_clay/sources/{slug}", ["PUT", "DELETE"], source),
        call("/_clay/tables/{id}", ["PUT"], sheet),
        call("/_clay/tables/{id}/run", ["POST"], run),
        call("/_clay/tables/{id}/rows", ["GET"], rows),
        call("/_clay/tables/{id}/rows/{row}", ["PATCH", "DELETE"], row),
    ]


def routines(world: Workshop) -> list[Route]:
    """Routines, signed webhooks and the meters."""

    def routine(path: dict[str, str], document: dict[str, Any]) -> Any:
        if path["method"] == "DELETE":
            del world.clay_routine.routines[path["id"]]
            return {"ok": True}
        made = world.clay_routine.set_routine(path["id"], document)
        return {"id": made.id, "inputs": list(made.inputs), "outputs": list(made.outputs)}

    def hook(path: dict[str, str], document: dict[str, Any]) -> Any:
        pointers = world.clay_routine.pointers
        if path["method"] == "DELETE":
            del pointers.registered[path["id"]]
        else:
            pointers.register(path["id"], document)
        return {"ok": True}

    def test(path: dict[str, str], document: dict[str, Any]) -> Any:
        return {"sent": world.clay_routine.pointers.announce(path["id"])}

    def meters(path: dict[str, str], document: dict[str, Any]) -> Any:
        if path["method"] == "DELETE":
            world.credits.renew(path["workspace"])
        return world.credits.figures()

    return [
        call("/_clay/routines/{id}", ["PUT", "DELETE"], routine),
        call("/_clay/webhooks/{id}", ["PUT", "DELETE"], hook),
        call("/_clay/webhooks/{id}/test", ["POST"], test),
        call("/_clay/credits", ["GET"], meters),
        call("/_clay/credits/{workspace}", ["DELETE"], meters),
    ]
