-- As the superuser, once: psql --file=postgresql.sql, and then \password xapplepush. The first serve makes the schema.
CREATE ROLE xapplepush LOGIN;
CREATE DATABASE xapplepush OWNER xapplepush ENCODING 'UTF8' TEMPLATE template0;
-- For `xapplepush check` alone, which tells of transactions of others that are old.
GRANT pg_read_all_stats TO xapplepush;
