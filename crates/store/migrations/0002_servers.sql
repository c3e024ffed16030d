-- Several servers on one database: who does the periodic work, and events whose change lies in another store.

CREATE TABLE keyward_leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL
);

-- When it was intended, while nothing is known of the outcome.
ALTER TABLE keyward_events ADD COLUMN intended_at BIGINT;
