#!/usr/bin/env python3
"""Prints what a Millrace task captures, one JSON object a line, from <task>.captured and the published .proto files
alone. README.md says what it shows; docs/wire-format.md describes the topics."""
import argparse
import base64
import json
import os
import sys
import tempfile
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition
from grpc_tools import protoc

FORMAT = 1  # the version of the messages that is understood here
SCHEMA_WAIT = 20  # seconds: a schema becomes visible within the 15 s of a Kafka transaction, and a margin


class Stop(Exception):
    """The log is not what it must be: reading on could print something wrong."""


def load_messages(folder):
    """Compiles the published files, and gives the modules of batch.proto and schema.proto."""
    out = tempfile.mkdtemp(prefix="fan-out-")
    files = [os.path.join(folder, "millrace/v1", name + ".proto") for name in ("row", "batch", "schema")]
    if protoc.main(["protoc", "-I" + folder, "--python_out=" + out, *files]) != 0:
        raise Stop(f'the .proto files in "{folder}" cannot be compiled')
    sys.path.insert(0, out)
    from millrace.v1 import batch_pb2, schema_pb2
    return batch_pb2, schema_pb2


class Partition:
    """Checks the messages of one partition: every number once and in order, one format, one task. Joins those that come
    in parts."""

    def __init__(self, number):
        self.number, self.next, self.identity, self.parts = number, 1, None, []

    def entries(self, batch):
        """Gives (kind, entry, run's schema key, source transaction) of each entry, or stops."""
        if batch.format != FORMAT:
            raise Stop(f"partition {self.number}: format {batch.format} is not known here, only {FORMAT}")
        self.identity = self.identity or (batch.task_id, batch.fingerprint)
        if self.identity != (batch.task_id, batch.fingerprint):
            raise Stop(f"partition {self.number}: a message of another task, or of another version of its file")
        self.check(batch.first_sequence)
        if batch.HasField("part"):
            if whole := self.join(batch.part):
                yield from self.entries(type(batch).FromString(whole))
            return
        if self.parts:
            raise Stop(f"partition {self.number}: a message comes between the parts of another")
        for run in batch.runs:
            content = run.WhichOneof("content")
            if content == "rows":
                for change in run.rows.changes:
                    self.count(change.sequence)
                    transaction = batch.transactions[change.transaction - 1] if change.transaction else None
                    yield "row", change, run.rows.schema, transaction
            elif content == "control" and (kind := run.control.WhichOneof("content")):
                self.count(run.control.sequence)
                yield kind, getattr(run.control, kind), None, None
            else:
                raise Stop(f"partition {self.number}: an unknown entry after sequence {self.next - 1}")
        self.check(batch.last_sequence + 1)

    def join(self, part):
        """Gives the bytes of the message that this part completes. In <task>.captured its parts are in a row."""
        known = self.parts and self.parts[0]
        if part.number != len(self.parts) or known and (known.writer, known.count) != (part.writer, part.count):
            raise Stop(f"partition {self.number}: part {part.number} comes where part {len(self.parts)} must")
        self.parts.append(part)
        if len(self.parts) < part.count:
            return None
        parts, self.parts = self.parts, []
        return b"".join(part.content for part in parts)

    def check(self, sequence):
        if sequence != self.next:
            raise Stop(f"partition {self.number}: sequence {sequence} comes where {self.next} must: a gap or a step back")

    def count(self, sequence):
        self.check(sequence)
        self.next += 1


def kind_of(entry):
    """The word of a row's or schema's change: "insert" of KIND_INSERT."""
    kinds = entry.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number
    if entry.kind == 0 or entry.kind not in kinds:
        raise Stop(f"unknown kind {entry.kind} of {entry.DESCRIPTOR.name}")
    return kinds[entry.kind].name.removeprefix("KIND_").lower()


def plain(value):
    """A value as JSON has it: NULL is None, binary data is base64, decimals and times are text."""
    kind = value.WhichOneof("kind")
    content = getattr(value, kind) if kind else None
    return base64.b64encode(content).decode() if kind == "bytes" else content


def named(schema, row):
    """The values of a row by the names of their columns."""
    if len(row.values) != len(schema.columns):
        raise Stop(f"a row of {schema.database}.{schema.table} does not have the columns of its schema")
    return {column.name: plain(value) for column, value in zip(schema.columns, row.values)}


def describe(schema, kind, entry, transaction):
    """What is printed of an entry, with its schema."""
    line = {"op": kind, "table": f"{schema.database}.{schema.table}"}
    if kind == "row":
        line["op"] = kind_of(entry)
        line |= {side: named(schema, getattr(entry, side)) for side in ("before", "after") if entry.HasField(side)}
        line["sequence"] = entry.sequence
    if transaction:
        line |= {"gtid": transaction.gtid, "committed_at": transaction.committed_at, "ordinal": entry.ordinal}
    return line


class FanOut:
    def __init__(self, brokers, task, proto):
        self.batch_pb2, self.schema_pb2 = load_messages(proto)
        # Offsets are given explicitly: none is committed, and an offset that is gone is an error, not a silent jump.
        settings = {"bootstrap.servers": brokers, "group.id": task + ".fan-out", "isolation.level": "read_committed",
                    "enable.auto.commit": False, "enable.auto.offset.store": False, "auto.offset.reset": "error"}
        self.rows, self.schemas, self.known, self.ended = Consumer(settings), Consumer(settings), {}, set()
        topic = task + ".captured"
        found = self.rows.list_topics(topic, timeout=10).topics[topic]
        if found.error or not found.partitions:
            raise Stop(f'topic "{topic}" is not there: capture makes it at its first start')
        self.partitions = {number: Partition(number) for number in found.partitions}
        self.rows.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in self.partitions])
        self.schemas.assign([TopicPartition(task + ".schemas", 0, OFFSET_BEGINNING)])

    def schema(self, key):
        """The schema that an entry names; topics become visible one by one, so it may come a little later."""
        name = f"captured/{key.version}-{key.hash:016x}"
        until = time.monotonic() + SCHEMA_WAIT
        while name not in self.known:
            if time.monotonic() > until:
                raise Stop(f'schema "{name}" did not appear')
            message = self.schemas.poll(0.2)
            if message and message.error():
                raise KafkaException(message.error())
            if message and message.key().startswith(b"captured/"):
                self.known[message.key().decode()] = self.schema_pb2.TableSchema.FromString(message.value())
        return self.known[name]

    def run(self, idle_seconds):
        """Prints entries until nothing but watermarks came for `idle_seconds`, or the task ended."""
        until = time.monotonic() + idle_seconds
        while time.monotonic() < until and len(self.ended) < len(self.partitions):
            message = self.rows.poll(0.2)
            if message and message.error():
                raise KafkaException(message.error())
            if message:
                batch = self.batch_pb2.EventBatch.FromString(message.value())
                for kind, entry, key, transaction in self.partitions[message.partition()].entries(batch):
                    for line in self.lines(message.partition(), kind, entry, key, transaction):
                        print(json.dumps(line | {"partition": message.partition()}, ensure_ascii=False), flush=True)
                        until = time.monotonic() + idle_seconds

    def lines(self, partition, kind, entry, key, transaction):
        """What is printed for an entry. A control entry stands in every partition, each time where it belongs."""
        if kind == "row":
            return [describe(self.schema(key), kind, entry, transaction)]
        if kind == "barrier":
            return [describe(self.schema(change.schema), kind_of(change) + "_table", change, None)
                    for change in entry.changes]
        if kind in ("reset", "chunk_done", "table_loaded"):
            return [describe(self.schema(entry.schema), kind, entry, None)]
        if kind == "end":
            self.ended.add(partition)
            return [{"op": "end"}]
        if kind == "watermark":  # what stands before it in every partition is a state that the source had
            return []
        raise Stop(f'control entry "{kind}" is not known here')


def main():
    proto = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../proto")
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--brokers", required=True, help="HOST:PORT, several with commas")
    arguments.add_argument("--task", required=True, help="the task's name")
    arguments.add_argument("--until-idle", type=float, default=float("inf"), metavar="SECONDS",
                           help="end when nothing came for that long (default: never)")
    arguments.add_argument("--proto", default=proto, help="folder of the .proto files (default: the repository's)")
    given = arguments.parse_args()
    try:
        FanOut(given.brokers, given.task, os.path.abspath(given.proto)).run(given.until_idle)
    except (Stop, KafkaException) as error:
        sys.exit(f"fan-out: {error}")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
