-- Accounts: users, their sessions, signing keys, the audit log and the guard of administrators.
--
-- One text for every SQL database. Only TEXT, BIGINT and BLOB: a driver puts its own words for them (PostgreSQL takes
-- BYTEA, and TEXT in the order of its bytes). Times are microseconds since 1970; letter case is settled before storing.
-- Unique indexes are named, since a database may tell of a refusal by that name.

CREATE TABLE keyward_users (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    username TEXT,
    username_shape TEXT,
    email TEXT,
    email_key TEXT,
    email_verified_at BIGINT,
    pending_email TEXT,
    first_name TEXT,
    last_name TEXT,
    locale TEXT,
    metadata TEXT NOT NULL,
    -- With a space around each name, so that one role is found as a part of the text.
    roles TEXT NOT NULL,
    disabled_at BIGINT,
    password TEXT,
    epoch BIGINT NOT NULL,
    kept_session TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_login_at BIGINT
);
CREATE UNIQUE INDEX keyward_users_email_key ON keyward_users (email_key);
CREATE UNIQUE INDEX keyward_users_username ON keyward_users (username);
CREATE UNIQUE INDEX keyward_users_username_shape ON keyward_users (username_shape);

CREATE TABLE keyward_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES keyward_users (id) ON DELETE CASCADE,
    epoch BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    idle_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- The earlier of the two above, so that one index finds what has expired.
    expires_at BIGINT NOT NULL,
    address TEXT,
    agent TEXT
);
CREATE INDEX keyward_sessions_of_user ON keyward_sessions (user_id, created_at, id);
CREATE INDEX keyward_sessions_expiry ON keyward_sessions (expires_at);

CREATE TABLE keyward_keys (
    id TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    signs_from BIGINT NOT NULL
);
CREATE UNIQUE INDEX keyward_keys_sequence ON keyward_keys (algorithm, sequence);

-- No reference to users: an event outlives whom it befell.
CREATE TABLE keyward_events (
    id TEXT NOT NULL PRIMARY KEY,
    happened_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- 'anonymous', 'operator' or the id of a user.
    actor TEXT NOT NULL,
    user_id TEXT,
    session_id TEXT,
    address TEXT,
    agent TEXT,
    request_id TEXT
);
CREATE INDEX keyward_events_of_user ON keyward_events (user_id, happened_at, id);
CREATE INDEX keyward_events_age ON keyward_events (happened_at);

-- A row that is counted on, where counting others' rows would let two writers pass each other.
CREATE TABLE keyward_guards (
    name TEXT NOT NULL PRIMARY KEY,
    members BIGINT NOT NULL
);
INSERT INTO keyward_guards (name, members) VALUES ('administrators', 0);
