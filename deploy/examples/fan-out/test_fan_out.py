"""What the consumer refuses, without a broker: python -m unittest test_fan_out."""
import os
import unittest

import fan_out

PROTO = os.path.join(os.path.dirname(os.path.abspath(fan_out.__file__)), "../../../proto")
BATCH, SCHEMA = fan_out.load_messages(os.path.abspath(PROTO))


def batch(first, last, **fields):
    """A message with a watermark at each sequence from first to last."""
    made = BATCH.EventBatch(**({"format": 1, "task_id": "t", "first_sequence": first, "last_sequence": last} | fields))
    for sequence in range(first, last + 1):
        made.runs.add().control.sequence = sequence
        made.runs[-1].control.watermark.ordinal = sequence
    return made


class Refusals(unittest.TestCase):
    def read(self, *batches):
        partition = fan_out.Partition(0)
        return [kind for made in batches for kind, *_ in partition.entries(made)]

    def refused(self, words, *batches):
        with self.assertRaisesRegex(fan_out.Stop, words):
            self.read(*batches)

    def test_what_is_in_order_is_read(self):
        self.assertEqual(self.read(batch(1, 2), batch(3, 3)), ["watermark"] * 3)

    def test_gaps_and_steps_back(self):
        self.refused("sequence 2 comes where 1 must", batch(2, 2))
        self.refused("sequence 4 comes where 3 must", batch(1, 2), batch(4, 4))
        self.refused("sequence 1 comes where 3 must", batch(1, 2), batch(1, 2))
        self.refused("sequence 4 comes where 3 must", batch(1, 2, last_sequence=3))

    def parts(self, whole, count, **fields):
        content, made = whole.SerializeToString(), []
        for number in range(count):
            cut = content[len(content) * number // count:len(content) * (number + 1) // count]
            last = whole.last_sequence if number + 1 == count else whole.first_sequence - 1
            part = {"writer": b"w" * 16, "number": number, "count": count, "content": cut} | fields
            made.append(BATCH.EventBatch(format=1, task_id="t", first_sequence=whole.first_sequence, last_sequence=last,
                                         part=part))
        return made

    def test_parts_are_joined(self):
        self.assertEqual(self.read(batch(1, 2), *self.parts(batch(3, 5), 3), batch(6, 6)), ["watermark"] * 6)

    def test_parts_out_of_order(self):
        first, second, third = self.parts(batch(1, 3), 3)
        self.refused("part 1 comes where part 0 must", second)
        self.refused("part 2 comes where part 1 must", first, third)
        self.refused("between the parts", first, second, batch(1, 3))
        self.refused("part 1 comes where part 1 must", first, self.parts(batch(1, 3), 3, writer=b"x" * 16)[1])

    def test_what_is_not_known(self):
        self.refused("format 2", batch(1, 1, format=2))
        self.refused("another task", batch(1, 1), batch(2, 2, task_id="u"))
        unknown = batch(1, 1)
        unknown.runs.add()
        self.refused("unknown entry", unknown)
        with self.assertRaisesRegex(fan_out.Stop, "unknown kind 77"):
            fan_out.kind_of(BATCH.RowChange(kind=77))
        with self.assertRaisesRegex(fan_out.Stop, "unknown kind 0"):
            fan_out.kind_of(BATCH.SchemaChange())

    def test_a_row_must_fit_its_schema(self):
        schema = SCHEMA.TableSchema(database="d", table="t", columns=[{"name": "a"}, {"name": "b"}])
        row = BATCH.RowChange(after={"values": [{"int": -1}, {}]}).after
        self.assertEqual(fan_out.named(schema, row), {"a": -1, "b": None})
        row.values.add().text = "x"
        with self.assertRaisesRegex(fan_out.Stop, "does not have the columns"):
            fan_out.named(schema, row)


if __name__ == "__main__":
    unittest.main()
