#!/usr/bin/python3
"""Signed messages (docs/signing.md) for a participant in Python: HMAC-SHA256 with the standard library alone."""
import base64, hashlib, hmac, json, os, re, sys

DIRECT_REPLY = "amq.rabbitmq.reply-to"
PROPERTIES = ("content_type", "message_id", "correlation_id", "type", "reply_to")

def signed_text(namespace, queue, sender, key_id, properties, headers, body):
    """Everything that routes or decides, each part with its length in bytes before it."""
    said = [str(properties.get(name) or "") for name in PROPERTIES]
    if said[4].startswith(DIRECT_REPLY + "."):
        said[4] = DIRECT_REPLY
    parts = ["backstep-signature-1", namespace, queue, sender, key_id, *said, hashlib.sha256(body).hexdigest()]
    for name in sorted(headers):
        if re.fullmatch(r"saga-[a-z0-9-]+", name) and name not in ("saga-signature", "saga-signature-key"):
            parts += [name, str(headers[name])]
    return b"".join(b"%d:%s," % (len(part), part) for part in (text.encode() for text in parts))

def hmac_signature(key, text):
    secret = base64.urlsafe_b64decode(key["secret"].replace("+", "-").replace("/", "_").rstrip("=") + "==")
    digest = hmac.new(secret, text, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

class Signing:
    """The keys of one participant; `None` from `from_environment` where messages are not signed."""

    def __init__(self, keys, participant, namespace="backstep"):
        self.keys = {key["id"]: key for key in keys if key.get("participant") == participant}
        self.participant, self.namespace = participant, namespace

    @classmethod
    def from_environment(cls, participant):
        said = os.environ.get("BACKSTEP_SIGNING_KEYS", "").strip()
        if said == "":
            return None
        text = said if said.startswith("{") else open(said, encoding="utf-8").read()
        return cls(json.loads(text)["keys"], participant, os.environ.get("BACKSTEP_NAMESPACE", "backstep"))

    def fault(self, properties, body):
        """Why a command is not trusted; `None`: it is genuine. `properties`: as pika gives them."""
        headers = properties.headers or {}
        key = self.keys.get(headers.get("saga-signature-key"))
        if key is None or key.get("state") == "revoked":
            return "it is not signed with a key that is known here"
        queue = f"{self.namespace}.commands.{self.participant}"
        text = signed_text(self.namespace, queue, "orchestrator", key["id"], vars(properties), headers, body)
        genuine = hmac.compare_digest(hmac_signature(key, text), str(headers.get("saga-signature")))
        return None if genuine else "its signature is not one for this message in this queue"

    def accepts(self, channel, method, command, body):
        """Whether a command is genuine. One that is not is put with the dead letters, with the reason, and nothing of it is done."""
        fault = self.fault(command, body)
        if fault is None:
            return True
        queue = f"{self.namespace}.commands.{self.participant}"
        command.headers = {**(command.headers or {}), "dead-letter-reason": fault, "dead-letter-queue": queue}
        command.expiration = command.reply_to = None
        channel.basic_publish("", f"{self.namespace}.dead-letters", body, command)
        channel.basic_ack(method.delivery_tag)
        return False

    def sign(self, properties, body):
        """Adds the signature to a reply."""
        key = next(key for key in self.keys.values() if key.get("state", "active") == "active")
        queue, sender = f"{self.namespace}.replies", f"participant {self.participant}"
        text = signed_text(self.namespace, queue, sender, key["id"], vars(properties), properties.headers, body)
        properties.headers.update({"saga-signature": hmac_signature(key, text), "saga-signature-key": key["id"]})
        return properties

def check_vectors(path):
    """Compares this file with the published vectors: the text of each, and the signature of those that are HMAC."""
    published = json.load(open(path, encoding="utf-8"))
    keys = {key["id"]: key for key in published["keys"]}
    for vector in published["vectors"]:
        place = vector["namespace"], vector["queue"], vector["sender"], vector["key"]
        text = signed_text(*place, vector["properties"], vector["headers"], base64.b64decode(vector["bodyBase64"]))
        assert text.decode() == vector["signedText"], vector["what"]
        if "secret" in keys[vector["key"]]:
            assert hmac_signature(keys[vector["key"]], text) == vector["signature"], vector["what"]
    print(f"{len(published['vectors'])} vectors are right")

if __name__ == "__main__":
    check_vectors(sys.argv[1])
