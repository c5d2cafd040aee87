"""What Amazon's recogniser and voices have in common: region, credentials, signatures, addresses.

Credentials and signatures are botocore's: what the `aws` command finds is found here too (environment, profile, single
sign-on, roles of containers and instances), and is renewed in time. The rest of Amazon's libraries is not used: boto3
blocks a thread for each call and has no streams in both directions, and Amazon's client for Transcribe has neither a
pool nor a way to give a stream up.
"""

from dataclasses import replace
from threading import Lock
from typing import Annotated, Any, Literal

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from pydantic import BaseModel, ConfigDict, SecretStr

from offhook.engines.factory import EngineContext, FromEnvironment
from offhook.pipeline.errors import EngineError
from offhook.usererror import UserError
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.target import Target

VENDOR = "Amazon"
KEYS = "AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…"
JSON = "application/json"
URL_EXPIRES_S = 60
"""A signed address serves for one connection, which is opened at once."""

Service = Literal["transcribe", "polly"]
_ACTIONS = {"transcribe": "transcribe:StartStreamTranscriptionWebSocket", "polly": "polly:SynthesizeSpeech"}
_HOSTS = {"transcribe": "wss://transcribestreaming.{}:8443", "polly": "https://polly.{}"}


class AmazonOptions(BaseModel):
    """Options of recogniser and voice. What is not set is where Amazon's other programs have it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: Annotated[str | None, FromEnvironment("AWS_REGION")] = None
    profile: Annotated[str | None, FromEnvironment("AWS_PROFILE")] = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    endpoint_url: str | None = None


class Account:
    """Who asks, and where: makes signed targets for one engine and one service. Raises UserError."""

    def __init__(self, options: AmazonOptions, context: EngineContext, service: Service) -> None:
        self._options = options
        self._kind: Literal["asr", "tts"] = "tts" if context.kind == "tts" else "asr"
        self._name = context.name
        self._service = service
        self._lock = Lock()
        self._credentials: Any = None
        self._session = _session(options, context)
        region = options.region or self._session.get_config_variable("region")
        if not region and options.endpoint_url is None:
            todo = f'export AWS_REGION=…, or `region = "eu-central-1"` below `{context.where}`'
            raise UserError(f"{context.name} needs `region`", "none is set", todo, context.where)
        self.region = region or "us-east-1"

    def target(self, path: str) -> Target:
        """An address of the service, signed when it is used: in its query for a WebSocket, else in headers."""
        host = f"{self.region}.amazonaws.com" + (".cn" if self.region.startswith("cn-") else "")
        base = self._options.endpoint_url or _HOSTS[self._service].format(host)
        hint = f"Type: export {KEYS}, or aws configure. Their policy must allow {_ACTIONS[self._service]}."
        sign = self._sign_url if self._service == "transcribe" else self._sign_request
        return Target(self._kind, self._name, VENDOR, f"{base.rstrip('/')}{path}", hint=hint, sign=sign)

    def _sign_url(self, target: Target, body: bytes) -> Target:
        request = AWSRequest("GET", target.url)
        SigV4QueryAuth(self._key(target), self._service, self.region, expires=URL_EXPIRES_S).add_auth(request)
        return replace(target, url=request.url)

    def _sign_request(self, target: Target, body: bytes) -> Target:
        request = AWSRequest("POST", target.url, {"Content-Type": JSON}, body)
        SigV4Auth(self._key(target), self._service, self.region).add_auth(request)
        signed = tuple((name, value) for name, value in request.headers.items() if name != "Content-Type")
        return replace(target, headers=signed)  # the client knows the content type itself

    def _key(self, target: Target) -> Any:
        """Credentials that are valid now."""
        what = "looking for AWS credentials"
        try:
            with self._lock:
                if self._credentials is None:
                    self._credentials = self._session.get_credentials()
            if self._credentials is not None:
                return self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise EngineError(target.name, what, str(error), target.hint) from error
        raise VendorRefusedError(target.name, what, "there are none", target.hint)


def _session(options: AmazonOptions, context: EngineContext) -> Session:
    try:
        session = Session(profile=options.profile)
        session.get_scoped_config()
        if options.access_key_id is not None or options.secret_access_key is not None:
            secret, token = options.secret_access_key, options.session_token
            if options.access_key_id is None or secret is None:
                why = "one of `access_key_id` and `secret_access_key` is set, the other is not"
                raise UserError(f"{context.name} needs both", why, f"export {KEYS}", context.where)
            session.set_credentials(
                options.access_key_id, secret.get_secret_value(), token.get_secret_value() if token else None
            )
    except BotoCoreError as error:
        raise UserError(f"{context.name} cannot use its profile", str(error), "aws configure", context.where) from error
    return session
