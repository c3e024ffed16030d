-- GET with one token, which is given: no Lua runs while it measures.
local here = debug.getinfo(1, "S").source:match("@?(.*/)") or "./"
dofile(here .. "common.lua")
function init(args) wrk.headers["Authorization"] = "Bearer " .. args[1] end
