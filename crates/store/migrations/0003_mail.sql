-- Mail: one-time codes, the outbox, and who waits for an address to be proven.

-- No reference to users: a code for an address that nobody has is like any other.
CREATE TABLE keyward_codes (
    -- In hexadecimal digits.
    place TEXT NOT NULL,
    -- Empty where nobody has the address.
    user_id TEXT NOT NULL,
    -- That of the mail.
    id TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    email TEXT,
    epoch BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    digits_until BIGINT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (place, user_id)
);
CREATE INDEX keyward_codes_of_user ON keyward_codes (user_id);
CREATE INDEX keyward_codes_expiry ON keyward_codes (expires_at);

-- No reference to users here either: a mail may be to an address that is nobody's.
CREATE TABLE keyward_mails (
    id TEXT NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    user_id TEXT,
    languages TEXT,
    asked_from TEXT,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    reason TEXT,
    -- When it was due before it was claimed the last time, so that a claim can be put in that order.
    was_due_at BIGINT
);
CREATE INDEX keyward_mails_due ON keyward_mails (state, due_at, id);
CREATE INDEX keyward_mails_by_state ON keyward_mails (state, id);
CREATE INDEX keyward_mails_by_email ON keyward_mails (email_key, id);
CREATE INDEX keyward_mails_of_user ON keyward_mails (user_id);

-- The last time that a change of address was undone: both or neither.
ALTER TABLE keyward_users ADD COLUMN undone_to BIGINT;
ALTER TABLE keyward_users ADD COLUMN undone_at BIGINT;

ALTER TABLE keyward_users ADD COLUMN pending_email_key TEXT;
UPDATE keyward_users SET pending_email_key = lower(pending_email) WHERE pending_email IS NOT NULL;
CREATE INDEX keyward_users_pending_email_key ON keyward_users (pending_email_key);
