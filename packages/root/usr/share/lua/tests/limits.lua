-- Errors that must be caught, not fatal: recursion too deep, memory spent, the program going on.
-- Recursion ends at Lua's limit of a million slots, or where memory ends before that.

dofile((arg[0]:match("^.*/") or "./") .. "tap.lua")

local function is_overflow(text)
    return tostring(text):find("stack overflow") or tostring(text):find("not enough memory")
end

local function deep(n) return 1 + deep(n + 1) end
ok(is_overflow(select(2, pcall(deep, 1))), "Lua recursion without end")

local function nested(n) return pcall(nested, n + 1) end
ok(pcall(nested, 1), "pcall within pcall")

local text = string.rep("(", 1000)
ok(not load("return " .. text), "a thousand parentheses: the parser gives up")
fails("overflow", "string.gsub recursing in C",
      function() local function f() return (("x"):gsub(".", f)) end return f() end)
fails("stack overflow", "a metamethod without end",
      function() local t = setmetatable({}, {}); getmetatable(t).__index = function(a, b) return a[b] end
          return t.x end)

fails("resulting string too large", "a string longer than can be",
      string.rep, "x", math.maxinteger)
fails("not enough memory", "more memory than there is", string.rep, "x", 2000000000)

-- Memory spent piece by piece: the error comes as an error, and collecting gives it back.
local function spend()
    local kept = {}
    while true do kept[#kept + 1] = string.rep("x", 1 << 20) .. #kept end
end
fails("not enough memory", "all memory spent in pieces", spend)
collectgarbage()
ok(#string.rep("y", 1 << 20) == 1 << 20, "and given back")

local co = coroutine.create(deep)
local good, message = coroutine.resume(co, 1)
ok(not good and is_overflow(message), "recursion without end in a coroutine")

ok(not xpcall(deep, function() return "handled" end, 1), "xpcall, whose handler has little stack")
is(#string.rep("z", 100), 100, "and the program goes on")

done()
