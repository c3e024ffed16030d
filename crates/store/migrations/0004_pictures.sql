-- Pictures: the name of a user's, and the names under which there may be objects of a picture that is nobody's.

ALTER TABLE keyward_users ADD COLUMN picture TEXT;

-- No reference to users: a leftover outlives whose picture it was.
CREATE TABLE keyward_leftovers (
    picture TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    -- When it was due before it was claimed the last time, so that a claim can be put in that order.
    was_due_at BIGINT
);
CREATE INDEX keyward_leftovers_due ON keyward_leftovers (due_at, picture);
