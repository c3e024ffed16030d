-- GET with many tokens in turn: FILE FROM COUNT.
local here = debug.getinfo(1, "S").source:match("@?(.*/)") or "./"
dofile(here .. "common.lua")
local requests, number, last
function init(args)
  requests = lines(args[1], tonumber(args[2]), tonumber(args[3]), function(token)
    return wrk.format("GET", nil, { Authorization = "Bearer " .. token })
  end)
  number, last = 0, #requests
end
function request()
  number = number % last + 1
  return requests[number]
end
