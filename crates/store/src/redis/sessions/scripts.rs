//! What Redis does with one key in one step. Each script fails, if it must, at its first write; numbers that it makes are
//! written by a format, since Lua would round them.

use crate::redis::script::Script;
use std::sync::LazyLock;

/// ARGV is the time to live, then fields and values.
pub(super) static KEEP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1",
    )
});

/// On a user's set: ARGV is the session's id, its moment, the time to live, and the rank from which sessions are too
/// many (from the newest, which is -1). Returns those, the oldest first; they stay in the set until their hashes are
/// gone, so that somebody else will end them if this caller dies.
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return redis.call('ZRANGE', KEYS[1], 0, ARGV[4])",
    )
});

/// ARGV is the generation, the next one, now, the new `idle_at`, the slack, then the fields to return.
pub(super) static ROTATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local kept = redis.call('HMGET', KEYS[1], 'generation', 'idle_at', 'ends_at')
if kept[1] ~= ARGV[1] then return false end
local now, ends_at = tonumber(ARGV[3]), tonumber(kept[3])
if now >= math.min(tonumber(kept[2]), ends_at) then return false end
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'rotated_at', ARGV[3], 'last_used_at', ARGV[3], 'idle_at', ARGV[4])
local left = math.ceil((math.min(tonumber(ARGV[4]), ends_at) - now) / 1000)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(left + tonumber(ARGV[5]), tonumber(ARGV[6]))))
return redis.call('HMGET', KEYS[1], unpack(ARGV, 7))",
    )
});

/// ARGV is the user's id.
pub(super) static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
if redis.call('HGET', KEYS[1], 'user') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])",
    )
});
