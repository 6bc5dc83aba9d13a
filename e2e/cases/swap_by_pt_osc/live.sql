CREATE TABLE `{database}`.`_orders_new` (
  `id` int NOT NULL AUTO_INCREMENT,
  `customer` varchar(20) NOT NULL,
  `amount` int DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `by_customer` (`customer`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4;
ALTER TABLE `{database}`.`_orders_new` ADD COLUMN paid TINYINT(1) NOT NULL DEFAULT 0, DROP INDEX by_customer;
CREATE TRIGGER `{database}`.`pt_osc_orders_del` AFTER DELETE ON `{database}`.`orders` FOR EACH ROW DELETE IGNORE FROM `{database}`.`_orders_new` WHERE `{database}`.`_orders_new`.`id` <=> OLD.`id`;
CREATE TRIGGER `{database}`.`pt_osc_orders_upd` AFTER UPDATE ON `{database}`.`orders` FOR EACH ROW REPLACE INTO `{database}`.`_orders_new` (`id`, `customer`, `amount`) VALUES (NEW.`id`, NEW.`customer`, NEW.`amount`);
CREATE TRIGGER `{database}`.`pt_osc_orders_ins` AFTER INSERT ON `{database}`.`orders` FOR EACH ROW REPLACE INTO `{database}`.`_orders_new` (`id`, `customer`, `amount`) VALUES (NEW.`id`, NEW.`customer`, NEW.`amount`);
INSERT INTO orders (customer, amount) VALUES ('dan', 4);
INSERT LOW_PRIORITY IGNORE INTO `{database}`.`_orders_new` (`id`, `customer`, `amount`) SELECT `id`, `customer`, `amount` FROM `{database}`.`orders` LOCK IN SHARE MODE;
UPDATE orders SET amount = 20 WHERE id = 2;
DELETE FROM orders WHERE id = 3;
ANALYZE TABLE `{database}`.`_orders_new`;
RENAME TABLE `{database}`.`orders` TO `{database}`.`_orders_old`, `{database}`.`_orders_new` TO `{database}`.`orders`;
INSERT INTO orders (customer, amount, paid) VALUES ('eve', 5, 1);
DROP TABLE IF EXISTS `{database}`.`_orders_old`;
UPDATE orders SET paid = 1 WHERE id = 1;
