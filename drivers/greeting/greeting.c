/*
 * The smallest server: a character device that says a greeting to whoever reads it.
 */
#include "char_server.h"
#include "publish.h"
#include "start.h"
#include "string.h"

static const char greeting[] = "Hello from a process.\n";

static int64_t greet(struct char_driver *driver, struct char_request *request)
{
    uint64_t length = sizeof(greeting) - 1, at = request->offset;
    (void)driver;
    if (at >= length)
        return 0;
    length = length - at < request->length ? length - at : request->length;
    memcpy(request->bytes, greeting + at, length);
    return (int64_t)length;
}

static struct char_driver driver = {.read = greet, .mode = 0444};

int main(const void *found)
{
    startup_open(found);
    return server_publish(&driver.server, found) < 0 || char_serve(&driver) < 0;
}
