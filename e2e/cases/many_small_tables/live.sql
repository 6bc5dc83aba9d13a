CALL change_tables(1, 60);
CALL make_tables(61, 65);
CALL change_tables(50, 65);
