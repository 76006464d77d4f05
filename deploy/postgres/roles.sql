-- The roles of the platform, made once by an administrator of the server, in the platform's own
-- database:
--
--   psql --set=migrator_password=… --set=service_password=… --file=roles.sql DATABASE
--
-- `t11_migrator` owns the schemas and tables: `t11 migrate` logs in as it. Each service logs in as
-- `t11_<service>`, owns nothing and is bound by row security; what it may do is granted by every
-- migration. May be run again: passwords are set anew.

\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY['t11_migrator', 't11_accounts', 't11_agents', 't11_crm', 't11_jobs', 't11_llm']) AS role
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = role)
\gexec

ALTER ROLE t11_migrator LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB PASSWORD :'migrator_password';

SELECT format(
    'ALTER ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOINHERIT PASSWORD %L',
    role,
    :'service_password'
)
FROM unnest(ARRAY['t11_accounts', 't11_agents', 't11_crm', 't11_jobs', 't11_llm']) AS role
\gexec

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
\gexec
SELECT format('GRANT CREATE, CONNECT, TEMPORARY ON DATABASE %I TO t11_migrator', current_database())
\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role)
FROM unnest(ARRAY['t11_accounts', 't11_agents', 't11_crm', 't11_jobs', 't11_llm']) AS role
\gexec

REVOKE ALL ON SCHEMA public FROM PUBLIC;
