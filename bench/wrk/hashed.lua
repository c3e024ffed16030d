-- POST of many users' passwords in turn, or of ever new users': BODY USERS, where BODY has %d for the user's number and
-- is JSON or a form, and USERS is 0 for ever new ones. Counts the replies.
local here = debug.getinfo(1, "S").source:match("@?(.*/)") or "./"
dofile(here .. "common.lua")
COUNTS = { done = 0, refused = 0, bare503 = 0, other = 0 }
local body, users, number
function init(args)
  body, users, number = args[1], tonumber(args[2]), 0
  local form = "application/x-www-form-urlencoded"
  wrk.method, wrk.headers["Content-Type"] = "POST", body:sub(1, 1) == "{" and "application/json" or form
end
function request()
  number = number + 1
  return wrk.format(nil, nil, nil, string.format(body, users > 0 and number % users or number))
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
