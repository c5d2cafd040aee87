"""Error responses: JSON in three parts for programs, a page for people."""

from dataclasses import asdict
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from offhook.usererror import Problem
from offhook.web.headers import NO_STORE


def add_error_answers(app: FastAPI) -> None:
    """Add the handlers to `app`, for all routes."""
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http_error)


def problem_answer(status: int, problem: Problem) -> Response:
    """What a route answers that does not do what was asked for."""
    return JSONResponse(asdict(problem), status, NO_STORE)


async def _not_understood(_: Request, error: Exception) -> Response:
    """400, with the parameter that is wrong and what it has to be."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"] if part not in ("query", "body", "path")]
    name = ".".join(place)
    if first["type"] == "extra_forbidden":
        problem = Problem(
            f"there is no parameter `{name}`", "it would have no effect", "leave it out, or see docs/page.md"
        )
    else:
        what = f"`{name}` cannot be understood" if name else "the request cannot be understood"
        problem = Problem(what, first["msg"], "see docs/page.md for what may be asked")
    return problem_answer(400, problem)


async def _http_error(request: Request, error: Exception) -> Response:
    """A page for people whose browser asks for one, JSON for programs."""
    assert isinstance(error, HTTPException)
    headers = {**NO_STORE, **(error.headers or {})}
    if error.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        page = files("offhook.web").joinpath("page", "404.html").read_bytes()
        return Response(page, 404, headers, media_type="text/html; charset=utf-8")
    if error.status_code == 400:
        problem = Problem(
            "the request cannot be understood", str(error.detail), "see docs/page.md for what may be asked"
        )
        return JSONResponse(asdict(problem), 400, headers)
    return JSONResponse({"detail": error.detail}, error.status_code, headers)
