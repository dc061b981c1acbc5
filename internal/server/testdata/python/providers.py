# Asks a Quorate server through the official Python providers and prints what the
# application sees as one JSON object: provider -> question -> details.
import json
import os

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

url, token = os.environ["QUORATE_URL"], os.environ["QUORATE_TOKEN"]
host, port = os.environ["FLAGD_ADDR"].rsplit(":", 1)


def ofrep(region):
    return OFREPProvider(f"{url}/regions/{region}", headers_factory=lambda: {"Authorization": f"Bearer {token}"})


def flagd(resolver):
    return FlagdProvider(resolver_type=resolver, host=host, port=int(port), tls=False, selector="flagSetId=co")


def seen(details):
    return {
        "value": details.value,
        "variant": details.variant or "",
        "reason": str(getattr(details.reason, "value", details.reason)),
        "errorCode": str(getattr(details.error_code, "value", details.error_code or "")),
        "flagMetadata": dict(details.flag_metadata or {}),
    }


answers = {}
who = EvaluationContext("p1", {"action": "start"})
for name, provider in {
    "ofrep": ofrep("co"),
    "elsewhere": ofrep("hi"),
    "rpc": flagd(ResolverType.RPC),
    "in-process": flagd(ResolverType.IN_PROCESS),
}.items():
    api.set_provider_and_wait(provider, domain=name) if hasattr(api, "set_provider_and_wait") else api.set_provider(provider, domain=name)
    client = api.get_client(name)
    # Each default is one that is never served, so that it cannot look like an answer.
    answers[name] = {
        "visit": seen(client.get_boolean_details("video_visit", False, who)),
        "minutes": seen(client.get_integer_details("video_visit.max_minutes", -1, who)),
        "share": seen(client.get_float_details("video_visit.share", -1.0, who)),
        "label": seen(client.get_string_details("video_visit.label", "none", who)),
        "missing": seen(client.get_boolean_details("teleport", False, who)),
        "mismatch": seen(client.get_string_details("video_visit", "none", who)),
    }
print(json.dumps(answers), flush=True)
os._exit(0)  # threads of the providers must not hold it up
