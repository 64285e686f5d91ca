-- io and os: files, pipes, the environment, the clock.  Needs a writable /tmp.

dofile((arg[0]:match("^.*/") or "./") .. "tap.lua")

local path = os.tmpname()
ok(path and path:find("^/tmp/"), "os.tmpname")
local file = assert(io.open(path, "w"))
ok(file:write("one\n", 2, "\nthree\n", 4.5, "\n"), "write")
ok(file:close(), "close")

local lines = {}
for line in io.lines(path) do lines[#lines + 1] = line end
is(table.concat(lines, ","), "one,2,three,4.5", "io.lines")
file = assert(io.open(path, "r+"))
is(file:read("l"), "one", "read a line")
is(file:read("n"), 2, "read a number")
is(file:seek("set", 0), 0, "seek to the start")
is(file:seek("end"), 16, "seek to the end")
file:write("five")
is(file:seek("set", 16) and file:read("a"), "five", "what was written is read")
is(file:read("a"), "", "at the end: nothing")
is(file:read("l"), nil, "and no line")
file:close()
fails("closed file", "a closed file", file.read, file)
is(io.type(file), "closed file", "io.type")

local big = string.rep("0123456789abcdef", 65536)
file = assert(io.open(path, "wb"))
file:setvbuf("full", 4096)
file:write(big)
file:close()
file = assert(io.open(path, "rb"))
ok(file:read("a") == big, "a megabyte through a file")
file:close()

is(os.rename(path, path .. ".2"), true, "rename")
local nothing, text, number = io.open(path)
ok(nothing == nil and text:find("No such file") and number == 2, "a missing file: text and number")
is(os.remove(path .. ".2"), true, "remove")
is(select(3, os.remove(path .. ".2")), 2, "once")
is(select(3, io.open("/", "w")), 21, "a directory is not written")

is(os.getenv("HOME") ~= nil, true, "HOME is set")
is(os.getenv("NO_SUCH_NAME"), nil, "and others are not")
ok(os.time() - os.time() <= 0, "the time does not go back")
is(os.date("!%Y-%m-%d %H:%M:%S", 86400), "1970-01-02 00:00:00", "os.date")
is(os.time({year = 2024, month = 2, day = 30, hour = 12}),
   os.time({year = 2024, month = 3, day = 1, hour = 12}), "os.time makes 30 February a day of March")
local start = os.clock()
for _ = 1, 1000000 do end
ok(os.clock() >= start, "os.clock goes on")
is(os.setlocale(nil), "C", "the locale")

local pipe = assert(io.popen("echo from a child; exit 3"))
is(pipe:read("l"), "from a child", "popen reads")
local good, how, code = pipe:close()
ok(not good and how == "exit" and code == 3, "and gives the status")
pipe = assert(io.popen("cat > " .. path, "w"))
pipe:write("to a child")
ok(pipe:close(), "popen writes")
file = assert(io.open(path))
is(file:read("a"), "to a child", "and the child has it")
file:close()
is(os.execute("exit 7") or select(3, os.execute("exit 7")), 7, "os.execute")
is(os.execute(), true, "there is a shell")
os.remove(path)

done()
