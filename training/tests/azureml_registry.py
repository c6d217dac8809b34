"""An AzureML registry on this machine, as far as azure-ai-ml needs it to put a model in: discovery, upload, entry."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from physai.infrastructure.tests.azureml_service import SUBSCRIPTION, Arm, Credential, handler


@dataclass
class RegistryService(Arm):
    """Its models and the files that were uploaded."""

    here: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if path.startswith("/upload/"):
            return self.store(method, path, query, body)
        self.asked.append((method, path))
        if self.refuse and "/models/" in path:
            return self.refuse
        if path.endswith("/discovery"):
            return 200, {
                "registryName": path.split("/")[-2],
                "primaryRegionResourceProviderUri": "https://eastus.api.azureml.ms/",
                "subscriptionId": SUBSCRIPTION,
                "resourceGroup": "rg",
                "registryFqdns": {},
            }
        if "/tempdatarefs/" in path:
            place = f"{self.here}/upload/container"
            return 200, {
                "blobReferenceForConsumption": {
                    "blobUri": place,
                    "credential": {"credentialType": "SAS", "sasUri": f"{place}?sig=x"},
                }
            }
        name = path.partition("/models/")[2]
        if method == "PUT":
            registry = path.partition("/registries/")[2].partition("/")[0]
            entry = {"id": f"azureml://registries/{registry}/models/{name}", "name": name.rpartition("/")[2]}
            self.resources[name] = {**entry, "properties": {"flavors": {}, **body["properties"]}}
            return 200, self.resources[name]
        if name.endswith("/versions"):
            return 200, {"value": [body for key, body in self.resources.items() if key.startswith(name)]}
        if name in self.resources:
            return 200, self.resources[name]
        return 404, {"error": {"code": "NotFound", "message": f"{name} was not found."}}

    def store(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """A blob, whole, as the SDK sends small ones."""
        name = path.removeprefix("/upload/container").lstrip("/")
        if method == "PUT" and "comp" in query:  # metadata of a blob that is there
            return 200, None
        if method == "PUT":
            self.blobs[name] = body
            return 201, None
        return (200, None) if name in self.blobs else (404, None)


@contextmanager
def azureml_registry(name: str) -> Iterator[tuple[RegistryService, Any]]:
    """(what the service saw, an `MLClient` of the registry that speaks to it)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from azure.ai.ml import MLClient
        from azure.core.pipeline.transport import RequestsTransport

    service = RegistryService()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(service))
    service.here = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()

    class Loopback(RequestsTransport):
        def send(self, request: Any, **more: Any) -> Any:
            parts = urlsplit(request.url)
            request.url = request.url.replace(f"{parts.scheme}://{parts.netloc}", service.here, 1)
            return super().send(request, **more)

    transport = Loopback()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield service, MLClient(Credential(), registry_name=name, transport=transport)
    finally:
        transport.close()
        server.shutdown()
        thread.join()
        server.server_close()
