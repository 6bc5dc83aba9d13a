SET SESSION sql_mode = '';
INSERT INTO t SELECT id + 100, f, e, d, bu, bits, y, day, at, instant, long_time, c, v, label, labels, b, vb, j, g, x FROM t;
-- By an update of each cell, too.
INSERT INTO t (id) SELECT id + 100 FROM t WHERE id > 100;
UPDATE t JOIN t AS o ON t.id = o.id + 200 SET t.f = o.f, t.e = o.e, t.d = o.d, t.bu = o.bu, t.bits = o.bits, t.y = o.y, t.day = o.day, t.at = o.at, t.instant = o.instant,
  t.long_time = o.long_time, t.c = o.c, t.v = o.v, t.label = o.label, t.labels = o.labels, t.b = o.b, t.vb = o.vb, t.j = o.j, t.g = o.g, t.x = o.x;
