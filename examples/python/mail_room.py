#!/usr/bin/python3
"""The participant "mail" of the saga place-order, without Backstep's SDK. Needs python3-pika."""
import json, os, signal, sqlite3, sys
import pika
from signing import Signing

db = sqlite3.connect(os.environ.get("MAIL_DATABASE", "mail.sqlite"))
db.execute("create table if not exists letter (command_id text primary key, order_id text, recipient text, body text)")

signing = Signing.from_environment("mail")  # None where messages are not signed.

def confirm(request, command_id):
    body = f"Dear {request['name']}, your order {request['orderId']} is on its way: {request['trackingCode']}"
    with db:  # One transaction. The same command again changes nothing: the command id is the idempotency key.
        db.execute("insert or ignore into letter values (?, ?, ?, ?)", (command_id, request["orderId"], request["to"], body))

def on_command(channel, method, command, body):
    if signing and not signing.accepts(channel, method, command, body):
        return
    try:
        if command.type != "mail.confirm":
            raise ValueError(f"mail does not know the command {command.type}")
        confirm(json.loads(body), command.message_id)
        outcome, reply = "success", None
    except Exception as error:  # Technical: the orchestrator tries again.
        outcome, reply = "error", {"code": type(error).__name__, "message": str(error)}
    headers = {"saga-outcome": outcome, "saga-attempt": (command.headers or {}).get("saga-attempt", 1)}
    answer, properties = json.dumps(reply).encode(), pika.BasicProperties(
        correlation_id=command.correlation_id, content_type="application/json", delivery_mode=2, headers=headers)
    channel.basic_publish("", command.reply_to, answer, signing.sign(properties, answer) if signing else properties)
    channel.basic_ack(method.delivery_tag)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
channel = pika.BlockingConnection(pika.URLParameters(os.environ.get("BACKSTEP_RABBITMQ_URL", "amqp://localhost"))).channel()
channel.confirm_delivery()  # The command is acknowledged after the broker has the reply.
channel.basic_qos(prefetch_count=100)
channel.basic_consume(f"{os.environ.get('BACKSTEP_NAMESPACE', 'backstep')}.commands.mail", on_command)
print("the mail room is open", flush=True)
channel.start_consuming()
