"""What every control call does: reads an object, answers JSON, turns a refusal into a status."""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Act = Callable[[dict[str, str], dict[str, Any]], Any]


async def document_of(request: Request) -> dict[str, Any]:
    """The body as an object; an empty one where there is none. Raises ValueError."""
    document = json.loads(await request.body() or b"{}")
    if not isinstance(document, dict):
        raise ValueError("the body must be an object")  # noqa: TRY004 - answered as a 400
    return document


def call(path: str, methods: list[str], act: Act) -> Route:
    """A control call: `act` has the path's parts with the method, and the body with the query.

    404 for what is not there (KeyError), 400 with the sentence for what is refused (ValueError).
    """

    async def endpoint(request: Request) -> Response:
        try:
            document = await document_of(request) | dict(request.query_params)
            answer = act(dict(request.path_params) | {"method": request.method}, document)
        except KeyError:
            return JSONResponse({"error": "not found"}, 404)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(answer)

    return Route(path, endpoint, methods=methods)
