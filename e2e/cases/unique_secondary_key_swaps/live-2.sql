UPDATE t SET code = CONCAT(code, code);
BEGIN;
UPDATE t SET place = -place;
UPDATE t SET place = 200 + place;
COMMIT;
