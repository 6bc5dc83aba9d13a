CREATE TABLE `Orders` (`Id` INT PRIMARY KEY, `Order` INT, `Total` INT, KEY `By Total` (`Total`));
CREATE TABLE `Lines` (`Id` INT PRIMARY KEY, v INT);
INSERT INTO `Orders` VALUES (1, 1, 10);
INSERT INTO `Lines` VALUES (1, 1);
