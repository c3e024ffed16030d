//! What Redis does with the codes of one place in one step. A field's value begins with tries, id and the moment of asking,
//! as `line.rs` writes it; what does not look so is no code. Each script fails, if it must, at its first write.

use crate::redis::script::Script;
use std::sync::LazyLock;

/// ARGV is the field, the id, when it was asked for, the tries, the rest of the line, the time to live, and how many fields
/// there may be: the one with the oldest code gives way. Returns whether the code is there.
pub(super) static ISSUE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local kept = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local tries, id, asked_at = string.match(kept, '^(%d+) (%S+) (%-?%d+) ')
if id and tonumber(asked_at) > tonumber(ARGV[3]) then return 0 end
if id ~= ARGV[2] then tries = ARGV[4] end
redis.call('HSET', KEYS[1], ARGV[1], table.concat({tries, ARGV[2], ARGV[3], ARGV[5]}, ' '))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[6]) then redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
local all = redis.call('HGETALL', KEYS[1])
if #all > 2 * tonumber(ARGV[7]) then
  local field, oldest
  for i = 1, #all, 2 do
    local asked_at = tonumber(string.match(all[i + 1], '^%d+ %S+ (%-?%d+) ') or 0)
    if all[i] ~= ARGV[1] and (not field or asked_at < oldest) then field, oldest = all[i], asked_at end
  end
  redis.call('HDEL', KEYS[1], field)
end
return 1",
    )
});

/// ARGV is the most tries, and now. Returns fields and lines, each with this try counted.
pub(super) static TRY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local kept, tried = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #kept, 2 do
  local tries, rest, digits_until = string.match(kept[i + 1], '^(%d+)( %S+ %S+ %S+ %S+ (%-?%d+) .*)$')
  if tries and tonumber(tries) < tonumber(ARGV[1]) and tonumber(digits_until) > tonumber(ARGV[2]) then
    local line = string.format('%.0f', tries + 1) .. rest
    redis.call('HSET', KEYS[1], kept[i], line)
    table.insert(tried, kept[i])
    table.insert(tried, line)
  end
end
return tried",
    )
});

/// ARGV is the field, the id, and now.
pub(super) static CONSUME: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local kept = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local id, expires_at = string.match(kept, '^%d+ (%S+) %S+ %S+ %S+ %S+ (%-?%d+) ')
if id ~= ARGV[2] or tonumber(expires_at) <= tonumber(ARGV[3]) then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])",
    )
});
