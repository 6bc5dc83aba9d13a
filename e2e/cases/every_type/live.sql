SET SESSION sql_mode = '', time_zone = '-03:00';
-- The same rows, through the binlog.
INSERT INTO whole_numbers SELECT id + 100, t, tu, s, su, m, mu, i, iu, b, bu, flag, filled FROM whole_numbers;
INSERT INTO other_numbers SELECT id + 100, d, wide, whole, small, du, f, fp, e, y, b1, b9, b64 FROM other_numbers;
INSERT INTO times SELECT id + 100, d, t, t3, t6, s, s1, s6, c, c2, c6, not_null_date, not_null_time FROM times;
INSERT INTO texts SELECT id + 100, c, v, l1, a, u3, tt, t, mt, lt, tl, none, bin, e, s, el FROM texts;
INSERT INTO bytes SELECT id + 100, b, vb, tb, bl, mb, lb, cb FROM bytes;
INSERT INTO documents SELECT id + 100, j FROM documents;
INSERT INTO more_types SELECT id + 100, g, p, l, v FROM more_types;
INSERT INTO made (id, a, seen) SELECT id + 100, a, seen FROM made;
