-- What the scripts beside this one print with: TAP.  dofile() it.

local count, failed = 0, 0

function ok(good, name)
    count = count + 1
    if not good then failed = failed + 1 end
    print((good and "ok " or "not ok ") .. count .. " - " .. name)
    return good
end

function is(seen, wanted, name)
    if not ok(seen == wanted, name) then
        print("#   saw " .. tostring(seen) .. ", wanted " .. tostring(wanted))
    end
end

-- pcall() that expects an error whose text has `pattern` in it.
function fails(pattern, name, call, ...)
    local good, text = pcall(call, ...)
    if not ok(not good and string.find(tostring(text), pattern), name) then
        print("#   " .. tostring(text))
    end
end

function done()
    print("1.." .. count)
    os.exit(failed == 0)
end
