-- PUT, each time with another name, by many users in turn: FILE FROM COUNT.
local here = debug.getinfo(1, "S").source:match("@?(.*/)") or "./"
dofile(here .. "common.lua")
local starts, number, last
function init(args)
  starts = lines(args[1], tonumber(args[2]), tonumber(args[3]), function(token)
    return "PUT " .. wrk.path .. " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      .. "Content-Length: 30\r\nAuthorization: Bearer " .. token .. "\r\n\r\n"
  end)
  number, last = 0, #starts
end
function request()
  number = number + 1
  return string.format('%s{"first_name":"Name %08d"}', starts[number % last + 1], number)
end
