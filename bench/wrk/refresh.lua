-- POST of refresh tokens: each refresh token is used once, then the one that came for it, many sessions in turn: FILE FROM
-- COUNT, with more sessions than connections.
local here = debug.getinfo(1, "S").source:match("@?(.*/)") or "./"
dofile(here .. "common.lua")
local tokens, first, last
function init(args)
  tokens = lines(args[1], tonumber(args[2]), tonumber(args[3]), function(token) return token end)
  first, last = 1, #tokens
  wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
end
function request()
  local token = tokens[first] or "none left"
  tokens[first] = nil
  first = first + 1
  return wrk.format(nil, nil, nil, '{"refresh_token":"' .. token .. '"}')
end
function response(status, headers, body)
  local token = body:match('"refresh_token":"([^"]+)"')
  if token then
    last = last + 1
    tokens[last] = token
  end
end
