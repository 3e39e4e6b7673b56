"""The service's database: cases, keys, evidence, the queue of examinations, reviews and the audit log.

SQLite in one file by default, PostgreSQL for several hosts. `schema` holds the tables, `migrations` their history,
`database` how they are opened; every other file is one subject and knows nothing of HTTP.
"""
