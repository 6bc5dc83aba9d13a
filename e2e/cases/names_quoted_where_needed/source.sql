CREATE TABLE `Orders` (`Id` INT PRIMARY KEY, `Order` INT, `Grand Total` INT, Größe INT, KEY `By Total` (`Grand Total`));
CREATE TABLE `Order Lines` (`Id` INT PRIMARY KEY, v INT);
INSERT INTO `Orders` VALUES (1, 1, 10, 3);
INSERT INTO `Order Lines` VALUES (1, 1);
