"""The webhook as an ASGI application: routes and what they share, on one page.

Called by the command that serves, which chooses settings, publisher and registry and runs the server.
"""

from typing import Final

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ingest.in_flight import InFlight
from ingest.metrics import IngestMetrics
from ingest.publisher import Publisher
from ingest.settings import IngestSettings
from ingest.webhook import PATHS, Callers, Webhook

ALIVE: Final = "alive\n"


def create_app(
    settings: IngestSettings, publisher: Publisher, registry: CollectorRegistry, callers: Callers
) -> FastAPI:
    """Return the application; `callers` says who may post, and whose events they are.

    Its metrics are made on the registry, and `/metrics` shows all that is on it.
    """
    in_flight = InFlight(settings.max_in_flight_bytes)
    metrics = IngestMetrics(registry, lambda: in_flight.bytes)
    webhook = Webhook(settings, publisher, metrics, in_flight, callers)

    async def show_metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return FastAPI(
        # No pages of documentation. And never a redirect: the API server follows one with a GET and takes the answer
        # to that for success.
        openapi_url=None,
        redirect_slashes=False,
        routes=[
            *(Route(path, webhook.post, methods=["POST"]) for path in PATHS),
            Route("/healthz", _live, methods=["GET"]),
            Route("/readyz", webhook.ready, methods=["GET"]),
            Route("/metrics", webhook.for_callers(show_metrics), methods=["GET"]),
        ],
        exception_handlers={HTTPException: webhook.refuse},
    )


async def _live(_request: Request) -> Response:
    return PlainTextResponse(ALIVE)
