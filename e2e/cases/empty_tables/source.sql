CREATE TABLE with_key (id INT PRIMARY KEY, v TEXT);
CREATE TABLE without_key (v TEXT);
CREATE TABLE composite (a INT, b VARCHAR(10), PRIMARY KEY (a, b), KEY (b));
