/*
 * The table of envelopes: an id for each, so that a token can name one.  Two levels of 512; leaves
 * are made when needed and stay.  Changes hold table_lock (level 7); look-ups take no lock: memory
 * of envelopes is quiesced, and a leaf once made stays.
 */
#include "envelope.h"

#include "page.h"

/* Named by ids that are not given out: no task is its holder. */
static struct envelope no_envelope;
static struct envelope *no_leaf[ENVELOPE_LEAF];

struct envelope **envelope_leaves[ENVELOPE_LEAVES];
static struct spinlock table_lock;
static u32 first_free, used_leaves;

void envelope_init(void)
{
    for (u32 i = 0; i < ENVELOPE_LEAF; i++)
        no_leaf[i] = &no_envelope;
    for (u32 i = 0; i < ENVELOPE_LEAVES; i++)
        envelope_leaves[i] = no_leaf;
}

/*
 * A slot that is free must lead look-ups to no_envelope, so the list of free ids is kept beside the
 * slots, in the second of a leaf's two pages: 512 links, then each id's last generation.
 */
static u32 *free_links(u32 leaf)
{
    return (u32 *)((u8 *)envelope_leaves[leaf] + PAGE_SIZE);
}

static bool add_leaf(void)
{
    if (used_leaves == ENVELOPE_LEAVES)
        return false;
    u64 pages = page_alloc(1, PAGE_KERNEL);
    if (!pages)
        return false;
    struct envelope **leaf = phys_to_virt(pages);
    u32 *links = (u32 *)((u8 *)leaf + PAGE_SIZE);
    u32 first = used_leaves * ENVELOPE_LEAF;
    for (u32 i = 0; i < ENVELOPE_LEAF; i++) {
        leaf[i] = &no_envelope;
        links[i] = i + 1 < ENVELOPE_LEAF ? first + i + 1 : 0;
        links[ENVELOPE_LEAF + i] = 0;
    }
    first_free = first ? first : 1; /* 0 ends the list */
    atomic_store(&envelope_leaves[used_leaves], leaf);
    used_leaves++;
    return true;
}

static u32 index_of(u64 token)
{
    return ((u32)token >> 23) * ENVELOPE_LEAF + ((u32)token >> 3 & (ENVELOPE_LEAF - 1));
}

bool envelope_register(struct envelope *envelope)
{
    spin_lock(&table_lock);
    bool ok = first_free || add_leaf();
    if (ok) {
        u32 leaf = first_free / ENVELOPE_LEAF, slot = first_free % ENVELOPE_LEAF;
        first_free = free_links(leaf)[slot];
        /* Generations go on from the last owner's. */
        u64 generation = free_links(leaf)[ENVELOPE_LEAF + slot] + 1ull;
        envelope->token = generation << 32 | leaf << 23 | slot << 3;
        atomic_store(&envelope_leaves[leaf][slot], envelope);
    }
    spin_unlock(&table_lock);
    return ok;
}

void envelope_unregister(struct envelope *envelope)
{
    u32 index = index_of(envelope->token);
    u32 leaf = index / ENVELOPE_LEAF, slot = index % ENVELOPE_LEAF;
    spin_lock(&table_lock);
    atomic_store(&envelope_leaves[leaf][slot], &no_envelope);
    free_links(leaf)[ENVELOPE_LEAF + slot] = (u32)(envelope->token >> 32);
    free_links(leaf)[slot] = first_free;
    first_free = index;
    spin_unlock(&table_lock);
}

struct envelope *envelope_next(u32 *next)
{
    for (u32 leaf = *next / ENVELOPE_LEAF; leaf < used_leaves; leaf++) {
        struct envelope *const *slots = envelope_leaves[leaf], *const none = &no_envelope;
        for (u32 i = *next % ENVELOPE_LEAF; i < ENVELOPE_LEAF; i++) {
            if (slots[i] != none) {
                *next = leaf * ENVELOPE_LEAF + i + 1;
                return slots[i];
            }
        }
        *next = (leaf + 1) * ENVELOPE_LEAF;
    }
    return NULL;
}
