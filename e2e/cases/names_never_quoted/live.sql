UPDATE `Orders` SET `Order` = 2 WHERE `Id` = 1;
ALTER TABLE `Orders` ADD COLUMN `Note` VARCHAR(9), ADD KEY `By-Note` (`Note`);
INSERT INTO `Orders` VALUES (2, 3, 30, 'a');
RENAME TABLE `Lines` TO `OrderLines`;
INSERT INTO `OrderLines` VALUES (2, 2);
CREATE TABLE `Made` (`Id` INT PRIMARY KEY, `Time` TIME);
INSERT INTO `Made` VALUES (1, '10:00:00');
