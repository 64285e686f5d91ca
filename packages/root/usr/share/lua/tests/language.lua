-- Strings, numbers, tables and coroutines: mostly newlib's printf, strtod, setjmp and locale.

dofile((arg[0]:match("^.*/") or "./") .. "tap.lua")

-- Numbers in and out.
is(string.format("%d %5.2f %g %x %q", 42, 3.14159, 1e100, 255, "a\nb"),
   '42  3.14 1e+100 ff "a\\\nb"', "string.format")
is(string.format("%.14g", 0.1), "0.1", "a tenth")
is(string.format("%a", 1.0), "0x1p+0", "a hexadecimal float")
is(tostring(2^53), "9.007199254741e+15", "a large float")
is(math.maxinteger + 1 == math.mininteger, true, "integers wrap")
is(tonumber("0x1p4"), 16.0, "tonumber of hexadecimal")
is(tonumber("1e1"), 10.0, "tonumber of an exponent")
is(tonumber(" 12 "), 12, "tonumber passes blanks")
is(tonumber("12x"), nil, "tonumber refuses")
is(math.type(3 // 1), "integer", "integer division")
is(7 // -2, -4, "and rounding down")
is(1 / 0, math.huge, "infinity")
ok(0 / 0 ~= 0 / 0, "not a number")
is(math.floor(-3.5), -4, "math.floor")
is(string.format("%.6f", math.sin(1)), "0.841471", "math.sin")
is(math.ult(1, -1), true, "math.ult")

-- Strings.
is(("x"):rep(3, "-"), "x-x-x", "rep")
is(("hello world"):gsub("o", "0"), "hell0 w0rld", "gsub")
is(("key = value"):match("^(%w+)%s*=%s*(%w+)$"), "key", "match")
is(("%d"):format(3.0), "3", "a float that is whole")
is(#"\u{20AC}", 3, "UTF-8")
is(utf8.len("h\u{e9}llo"), 5, "utf8.len")
is(table.concat({1, 2, 3}, ","), "1,2,3", "concat")
is(string.pack("<i4", 1), "\1\0\0\0", "pack")
is((" trim "):gsub("^%s+", ""), "trim ", "character classes")
is(("a,b,,c"):find(",,", 1, true), 4, "find")
is(#string.rep("0123456789", 100000), 1000000, "a megabyte")

-- Tables.
local list = {5, 2, 8, 1}
table.sort(list)
is(table.concat(list, " "), "1 2 5 8", "sort")
table.sort(list, function(a, b) return a > b end)
is(table.concat(list, " "), "8 5 2 1", "sort by a function")
table.insert(list, 1, 9)
is(table.remove(list), 1, "remove")
is(select("#", table.unpack({1, nil, 3}, 1, 3)), 3, "unpack")
local big = {}
for i = 1, 100000 do big[i] = i; big["k" .. i] = i end
local sum = 0
for _, value in pairs(big) do sum = sum + value end
is(sum, 100000 * 100001, "a table of 200000")
local weak = setmetatable({}, {__mode = "k"})
weak[{}] = 1
collectgarbage()
is(next(weak), nil, "weak keys go")
local point = setmetatable({}, {__index = function(_, key) return key .. "!" end,
                                __add = function() return "sum" end, __close = function() end})
is(point.x, "x!", "__index")
is(point + 1, "sum", "__add")

-- Coroutines.
local function range(n)
    return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end)
end
local total = 0
for i in range(1000) do total = total + i end
is(total, 500500, "a thousand yields")
local co = coroutine.create(function(a) local b = coroutine.yield(a + 1); error("x" .. b) end)
local _, first = coroutine.resume(co, 1)
is(first, 2, "resume and yield")
local good, text = coroutine.resume(co, "y")
is(good, false, "an error ends a coroutine")
ok(text:find("xy"), "and is told")
is(coroutine.status(co), "dead", "dead")
fails("outside a coroutine", "no yield from without", coroutine.yield)
local many = {}
for i = 1, 1000 do many[i] = coroutine.create(function() coroutine.yield(i) end) end
local alive = 0
for _, one in ipairs(many) do coroutine.resume(one); alive = alive + 1 end
is(alive, 1000, "a thousand coroutines at once")

done()
