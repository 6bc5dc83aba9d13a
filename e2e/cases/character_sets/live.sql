INSERT INTO t VALUES (2, 'Բարեւx', 'plainx', '漢字許功蓋x', 'Žluťoučkýx', 'Приветx', 'سلامx', 'Ąžuolasx', 'grüß ½x', 'Łódźx', 'Приветx', '表示①ｱ～x', 'Œuvre ñx', '表示①ｱx', '한국어x', '汉字😀ḿx', '汉字x', '汉字囧x', 'აბგx', 'Αθήναx', 'שלוםx', 'Ç Š ñx', 'Žluťx', 'Приветx', 'Київx', '€ üx', 'Łódźx', 'İstanbul şx', 'Žąsisx', 'Žluťx', '∑ñ ≠x', '表示能ｱx', 'Åäöx', 'สวัสดีx', '漢éx', '表示ｱx', '漢😀x', '漢😀x', '漢😀x', '漢éx', '😀 éx');
INSERT INTO t SELECT 3, `armscii8`, `ascii`, `big5`, `cp1250`, `cp1251`, `cp1256`, `cp1257`, `cp850`, `cp852`, `cp866`, `cp932`, `dec8`, `eucjpms`, `euckr`, `gb18030`, `gb2312`, `gbk`, `geostd8`, `greek`, `hebrew`, `hp8`, `keybcs2`, `koi8r`, `koi8u`, `latin1`, `latin2`, `latin5`, `latin7`, `macce`, `macroman`, `sjis`, `swe7`, `tis620`, `ucs2`, `ujis`, `utf16`, `utf16le`, `utf32`, `utf8mb3`, `utf8mb4` FROM t WHERE id = 1;
UPDATE t SET gbk = '改', sjis = '改', koi8r = 'изменено', utf32 = '😀😀' WHERE id = 1;
UPDATE gbk_key SET v = 20, k = '子' WHERE k = '字';
DELETE FROM gbk_key WHERE k = '汉';
UPDATE utf16_key SET body = '能', labels = '表' WHERE k = '😀';
DELETE FROM utf16_key WHERE k = 'a';
-- The first table that needs the codes of a set comes after the start.
CREATE TABLE later (id INT PRIMARY KEY, v VARCHAR(9) CHARACTER SET euckr, w VARCHAR(9) CHARACTER SET hebrew);
INSERT INTO later VALUES (1, '한국', 'שלום');
ALTER TABLE later ADD x VARCHAR(9) CHARACTER SET tis620 DEFAULT 'ไทย';
INSERT INTO later VALUES (2, '국', 'ש', 'ส');
