CREATE TABLE t (id INT PRIMARY KEY, j JSON, other JSON NOT NULL);
INSERT INTO t VALUES
  (1, '{"name": "a long enough text", "list": [1, 2, {"x": "another long enough text"}]}', '[]'),
  (2, '{"name": "a long enough text", "list": [3, 4, {"x": "another long enough text"}]}', '{}'),
  (3, NULL, '["one long text", "another long text", "a third long text"]');
