-- POST /auth/login of many users in turn, or POST /auth/register of ever new ones: PATH START PASSWORD USERS, where
-- USERS is 0 for ever new ones and START the text that their addresses begin with. Counts the replies.
local here = debug.getinfo(1, "S").source:match("@?(.*/)") or "./"
dofile(here .. "common.lua")
COUNTS = { done = 0, refused = 0, bare503 = 0, other = 0 }
local path, start, password, users, number
function init(args)
  path, start, password, users, number = args[1], args[2], args[3], tonumber(args[4]), 0
  wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
end
function request()
  number = number + 1
  local who = users > 0 and number % users or number
  return wrk.format(nil, path, nil, string.format('{"email":"%s%d@example.com","password":"%s"}', start, who, password))
end
function response(status, headers, body)
  local kind = "other"
  if status == 200 or status == 201 then kind = "done" end
  if status == 503 then
    kind = "bare503"
    for name in pairs(headers) do if name:lower() == "retry-after" then kind = "refused" end end
  end
  COUNTS[kind] = COUNTS[kind] + 1
end
