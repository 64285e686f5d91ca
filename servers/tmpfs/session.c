/*
 * Sessions; see tmpfs.h.
 */
#include "slots.h"
#include "syscall.h"
#include "tmpfs.h"

static struct session sessions[SESSIONS_MAX];
static struct slot slots[SESSIONS_MAX];
static struct slots numbers;

void sessions_open(uint32_t count)
{
    slots_open(&numbers, slots, count);
}

struct session *session_of(const struct request *request)
{
    static struct session root;
    tree.now = time_now();
    if (request->badge & BADGE_COUNTED) {
        uint32_t index = slots_find(&numbers, request_badge(request));
        return index == SLOT_NONE ? NULL : &sessions[index];
    }
    root = (struct session){.node = tree.root,
                            .flags = IO_OPEN_READ | IO_OPEN_DIRECTORY,
                            .read_only = request->badge & IO_ROOT_READ_ONLY};
    return &root;
}

int64_t session_create(struct server *server, struct node *node, uint32_t flags, bool read_only,
                       struct session **made)
{
    uint32_t index = slots_take(&numbers);
    if (index == SLOT_NONE)
        return -ENFILE;
    int64_t handle = server_session(server, slots_badge(&numbers, index));
    if (handle < 0) {
        slots_give_back(&numbers, index);
        return handle;
    }
    node->opens++;
    sessions[index] = (struct session){node, 0, flags, read_only};
    *made = &sessions[index];
    return handle;
}

void session_end(uint64_t badge)
{
    uint32_t index = slots_find(&numbers, badge);
    if (index == SLOT_NONE)
        return;
    struct node *node = sessions[index].node;
    if (node_type(node) == IO_MODE_FIFO)
        fifo_close(&sessions[index]);
    slots_give_back(&numbers, index);
    node->opens--;
    node_settle(&tree, node);
}
