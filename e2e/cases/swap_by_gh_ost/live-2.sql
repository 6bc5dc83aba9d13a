drop /* gh-ost */ table if exists `{database}`.`_orders_del`;
ALTER TABLE orders DROP COLUMN note;
DELETE FROM orders WHERE id = 3;
