"""botocore in the mode `standard`: bedrock-runtime for JSON, and s3 for XML."""

from types import SimpleNamespace

from botocore.endpoint import Endpoint
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel
from botocore.retries import standard

from clients import loop, urllib3_failures


def operation(service: str, name: str) -> OperationModel:
    """An operation as the package describes it."""
    description = create_loader().load_service_model(service, "service-2")
    return ServiceModel(description, service).operation_model(name)


JSON = operation("bedrock-runtime", "Converse")
XML = operation("s3", "ListObjectsV2")


def answer(case: dict) -> dict:
    """What the client does with the case, all of its quota left."""
    model = XML if case["body"].startswith("<?xml") else JSON
    events, retries = HierarchicalEmitter(), case["max_retries"]
    meta = SimpleNamespace(events=events, service_model=model.service_model)
    attempts = None if retries is None else retries + 1
    standard.register_retry_handler(SimpleNamespace(meta=meta), attempts)
    endpoint = Endpoint("http://host", "host", events)
    call = {"method": "POST", "url": "http://host/", "headers": {}, "body": b"", "context": {}}
    urllib3_failures.meet(case)
    response, error = endpoint._get_response(
        endpoint.create_request(call, model), model, call["context"]
    )
    attempt = case["attempt"] + 1
    return loop.after(0, lambda: endpoint._needs_retry(attempt, model, call, response, error), ())
