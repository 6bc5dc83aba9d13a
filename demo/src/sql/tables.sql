-- The shop: eight tables, and one row that a clock changes, by which the latency is measured.
CREATE DATABASE demo CHARACTER SET utf8mb4;
USE demo;

CREATE TABLE categories (
  id SMALLINT UNSIGNED NOT NULL PRIMARY KEY,
  parent_id SMALLINT UNSIGNED COMMENT 'none: a department',
  name VARCHAR(60) NOT NULL,
  slug CHAR(24) NOT NULL,
  position TINYINT UNSIGNED NOT NULL DEFAULT 0,
  visible BOOLEAN NOT NULL DEFAULT TRUE,
  icon VARBINARY(64),
  FOREIGN KEY (parent_id) REFERENCES categories (id)
) COMMENT 'departments and what is in them';

CREATE TABLE products (
  id MEDIUMINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  category_id SMALLINT UNSIGNED NOT NULL,
  article CHAR(12) NOT NULL,
  name VARCHAR(120) NOT NULL,
  description TEXT,
  price DECIMAL(10,2) NOT NULL,
  weight FLOAT,
  rating DOUBLE,
  tags SET('new', 'sale', 'organic', 'fragile', 'bulky') NOT NULL DEFAULT '',
  attributes JSON,
  picture BLOB,
  flags BIT(8) NOT NULL DEFAULT b'00000001',
  released DATE,
  changed_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  KEY (article),
  FOREIGN KEY (category_id) REFERENCES categories (id)
);

CREATE TABLE customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(120) NOT NULL,
  name VARCHAR(100) NOT NULL,
  status ENUM('new', 'active', 'blocked', 'gone') NOT NULL DEFAULT 'new',
  credit DECIMAL(12,2) NOT NULL DEFAULT 0,
  birthday DATE,
  newsletter BOOLEAN NOT NULL DEFAULT FALSE,
  preferences JSON,
  remarks TEXT,
  created_at DATETIME NOT NULL,
  seen_at TIMESTAMP NULL,
  KEY (email)
);

CREATE TABLE addresses (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  kind ENUM('home', 'work', 'parcel station') NOT NULL,
  street VARCHAR(120) NOT NULL,
  city VARCHAR(60) NOT NULL,
  postcode CHAR(10) NOT NULL,
  country CHAR(2) NOT NULL,
  latitude DOUBLE,
  longitude DOUBLE,
  since YEAR,
  FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE TABLE orders (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  status ENUM('open', 'paid', 'sent', 'returned') NOT NULL DEFAULT 'open',
  total DECIMAL(12,2) NOT NULL,
  currency CHAR(3) NOT NULL DEFAULT 'EUR',
  gift BOOLEAN NOT NULL DEFAULT FALSE,
  note VARCHAR(200),
  ordered_at DATETIME(6) NOT NULL,
  changed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE TABLE order_items (
  order_id BIGINT NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  product_id MEDIUMINT UNSIGNED NOT NULL,
  quantity INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  discount FLOAT,
  PRIMARY KEY (order_id, line),
  FOREIGN KEY (order_id) REFERENCES orders (id),
  FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE payments (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  order_id BIGINT NOT NULL,
  method ENUM('card', 'transfer', 'voucher', 'cash') NOT NULL,
  amount DECIMAL(12,2) NOT NULL,
  token BINARY(16),
  took TIME(3),
  paid_at TIMESTAMP(6) NULL,
  FOREIGN KEY (order_id) REFERENCES orders (id)
);

CREATE TABLE events (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  kind VARCHAR(20) NOT NULL,
  payload JSON,
  agent TEXT,
  at DATETIME(6) NOT NULL,
  FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE TABLE heartbeat (id TINYINT NOT NULL PRIMARY KEY, beat BIGINT NOT NULL);
INSERT INTO heartbeat VALUES (1, 0);

-- Numbers from 1, for the rows.
CREATE DATABASE demo_numbers;
USE demo_numbers;
CREATE TABLE digit (d INT NOT NULL);
INSERT INTO digit VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9);
SET sql_log_bin = 0;
CREATE TABLE n (i INT NOT NULL PRIMARY KEY);
INSERT INTO n
  SELECT 1 + f.d * 100000 + e.d * 10000 + d.d * 1000 + c.d * 100 + b.d * 10 + a.d
  FROM digit f, digit e, digit d, digit c, digit b, digit a WHERE f.d < 3 ORDER BY 1;
