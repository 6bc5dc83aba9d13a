UPDATE `Orders` SET `Order` = 2, `Grand Total` = 20 WHERE `Id` = 1;
ALTER TABLE `Orders` ADD COLUMN `Note` VARCHAR(9), ADD COLUMN `User` VARCHAR(9), RENAME COLUMN `Grand Total` TO `Total`;
INSERT INTO `Orders` VALUES (2, 3, 30, 4, 'a', 'b');
RENAME TABLE `Order Lines` TO `Lines`;
INSERT INTO `Lines` VALUES (2, 2);
CREATE TABLE `Made` (`Id` INT PRIMARY KEY, `Group` INT);
INSERT INTO `Made` VALUES (1, 1);
