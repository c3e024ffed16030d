-- Prints what a run came to as one line of JSON, for bench/load.py. `COUNTS` holds further numbers of the one thread.
local shared
function setup(thread) shared = thread end
function done(summary, latency, requests)
  local errors, counts = summary.errors, shared:get("COUNTS") or {}
  local more = ""
  for name, number in pairs(counts) do more = more .. string.format(',"%s":%d', name, number) end
  io.write(string.format(
    'JSON:{"requests":%d,"micros":%d,"failed":%d,"broken":%d,"p50":%.3f,"p99":%.3f,"max":%.3f%s}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000, more))
end
-- Lines `from` to `from + count - 1` of a file, made into something each.
function lines(path, from, count, make)
  local list, number = {}, 0
  for line in io.lines(path) do
    number = number + 1
    if number >= from then list[#list + 1] = make(line) end
    if #list == count then break end
  end
  return list
end
