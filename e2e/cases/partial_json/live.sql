-- The binlog has what changed in the documents, not the documents.
SET SESSION binlog_row_value_options = 'PARTIAL_JSON';
UPDATE t SET j = JSON_SET(j, '$.name', 'x', '$.list[2].x', 2.50);
UPDATE t SET j = JSON_REMOVE(j, '$.list[0]') WHERE id = 1;
UPDATE t SET j = JSON_SET(j, '$.added', JSON_OBJECT('k', 'v')), other = JSON_REPLACE(other, '$[1]', 'short');
UPDATE t SET id = 20, j = JSON_SET(j, '$.list[9]', 'last') WHERE id = 2;
UPDATE t SET other = JSON_REMOVE(other, '$[0]') WHERE id = 3;
