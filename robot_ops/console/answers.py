"""How errors are answered: always {error, field, mend}."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from robot_ops.core.errors import InputError, LinkError


def add_error_answers(app: FastAPI) -> None:
    """Let the application answer wrong input with 422 and silent processes with 503."""

    @app.exception_handler(InputError)
    async def on_input_error(_request: Request, error: InputError) -> JSONResponse:
        return _answer(422, error.what, error.where, error.mend)

    @app.exception_handler(RequestValidationError)
    async def on_invalid_body(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        # the first item tells where it was ("body"), the second, in tasks, of which kind it is
        field = ".".join(str(part) for part in first["loc"][1:] if part not in ("guide", "deliver"))
        return _answer(422, str(first["msg"]), field)

    @app.exception_handler(LinkError)
    async def on_link_error(_request: Request, error: LinkError) -> JSONResponse:
        return _answer(503, str(error), mend="Check that the process runs, then try again")

    @app.exception_handler(HTTPException)
    async def on_http_error(_request: Request, error: HTTPException) -> JSONResponse:
        return _answer(error.status_code, str(error.detail))


def _answer(status: int, error: str, field: str = "", mend: str = "") -> JSONResponse:
    return JSONResponse({"error": error, "field": field, "mend": mend}, status_code=status)
